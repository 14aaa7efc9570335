"""Values of runs as JSON, including those of pandas and numpy."""

import json
import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from kedro_asgi.encoding import decode_json, encode_json, encode_output
from kedro_asgi.errors import UnencodableOutputError


def encoded(value: Any) -> Any:
    return json.loads(bytes(encode_output("out", value)))


def test_a_frame_is_a_list_of_records() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "x": [0.5, np.nan],
            "t": pd.to_datetime(["2026-11-21", None]),
            "s": ["a", None],
            "c": pd.Categorical(["u", "v"]),
            "i": pd.array([1, None], dtype="Int64"),
        }
    )
    assert encoded(frame) == [
        {"n": 1, "x": 0.5, "t": "2026-11-21T00:00:00", "s": "a", "c": "u", "i": 1},
        {"n": 2, "x": None, "t": None, "s": None, "c": "v", "i": None},
    ]
    assert encoded(pd.DataFrame()) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (pd.Series([1, 2]), [1, 2]),
        (pd.Index(["a", "b"]), ["a", "b"]),
        (pd.Timestamp("2026-11-21T01:02:03"), "2026-11-21T01:02:03"),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Timedelta("1s"), "PT1S"),
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["2026-11-21", "NaT"], dtype="datetime64[D]"), ["2026-11-21", None]),
        (np.array([1, "a", None], dtype=object), [1, "a", None]),
        ({"rows": pd.DataFrame({"a": [1]}), "score": np.float64(1.5)}, {"rows": [{"a": 1}], "score": 1.5}),
    ],
)
def test_values_of_libraries_become_plain(value: Any, shown: Any) -> None:
    assert encoded(value) == shown


@pytest.mark.parametrize("value", [object(), lambda: 1, {"deep": [object()]}, {("a", 1): 2}, 1j])
def test_a_value_without_a_json_form_is_an_error_that_names_the_output(value: Any) -> None:
    with pytest.raises(UnencodableOutputError, match="Output 'out' cannot be encoded as JSON"):
        encode_output("out", value)


def test_invalid_unicode_is_escaped() -> None:
    content = encode_json({"a": "\ud800"})
    assert json.loads(content) == decode_json(content, msgspec.json.Decoder(dict[str, str])) == {"a": "\ud800"}


def test_encoding_imports_no_library() -> None:
    code = (
        "import sys, kedro_asgi.encoding as e\n"
        "try: e.encode_output('x', object())\n"
        "except Exception: pass\n"
        "print([m for m in ('pandas', 'numpy', 'kedro') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
