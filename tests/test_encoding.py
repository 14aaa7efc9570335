"""Values of runs as JSON, including those of pandas and numpy."""

import base64
import collections
import dataclasses
import datetime
import enum
import io
import ipaddress
import json
import pathlib
import subprocess
import sys
import types
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Any

import matplotlib.figure
import msgspec
import numpy as np
import pandas as pd
import PIL.Image
import plotly.graph_objects as go
import pydantic
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


@pytest.mark.parametrize("value", [object(), lambda: 1, {("a", 1): 2}, 1j, np.array([1j]), iter([1]), np.complex64(1)])
def test_a_value_without_a_json_form_is_an_error_that_names_the_output(value: Any) -> None:
    with pytest.raises(UnencodableOutputError, match="Output 'out' cannot be encoded as JSON"):
        encode_output("out", value)


class Color(enum.Enum):
    RED = 1


class Text(str):
    __slots__ = ()


class Count(int):
    pass


class Share(float):
    pass


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Score:
    value: Any


class Model(pydantic.BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    day: datetime.date
    rows: Any


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.longdouble("1.5"), 1.5),
        (np.longdouble("nan"), None),
        (np.array([1.5, np.inf], dtype=np.longdouble), [1.5, None]),
        (pd.DataFrame({"x": np.array([1.5], dtype=np.longdouble)}), [{"x": 1.5}]),
        (pathlib.Path("a/b"), "a/b"),
        (pathlib.PureWindowsPath("c:/x"), "c:\\x"),
        ({pathlib.Path("a"): 1}, {"a": 1}),
        (Decimal("1.50"), "1.50"),
        (Fraction(1, 3), "1/3"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (ipaddress.ip_address("127.0.0.1"), "127.0.0.1"),
        (datetime.timedelta(days=1, seconds=2), "P1DT2S"),
        (datetime.time(1, 2), "01:02:00"),
        (Color.RED, 1),
        (Score(np.float32(0.5)), {"value": 0.5}),
        (b"ab", "YWI="),
        ({1, 2}, [1, 2]),
        (frozenset([1]), [1]),
        (collections.deque([1, 2]), [1, 2]),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        (collections.UserDict(a=1), {"a": 1}),
        (types.MappingProxyType({"a": np.int8(1)}), {"a": 1}),
        (types.SimpleNamespace(a=Score(1)), {"a": {"value": 1}}),
        (Point(1, np.nan), [1, None]),
        (range(3), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        ([Text("a"), Count(3), Share(0.5)], ["a", 3, 0.5]),
        ({Text("a"): Text("b")}, {"a": "b"}),
        ({True: 1, False: 2, None: 3}, {"true": 1, "false": 2, "null": 3}),
        ({"a": [float("nan"), {"b": -float("inf")}, (float("inf"),)]}, {"a": [None, {"b": None}, [None]]}),
        (
            Model(day=datetime.date(2026, 1, 1), rows=pd.DataFrame({"a": [1]})),
            {"day": "2026-01-01", "rows": [{"a": 1}]},
        ),
        (go.Bar(x=[1], y=np.array([0.5])), {"type": "bar", "x": [1], "y": [0.5]}),
    ],
)
def test_values_of_common_types_become_plain(value: Any, shown: Any) -> None:
    assert encoded(value) == shown


def test_a_figure_of_plotly_is_what_plotly_writes() -> None:
    figure = go.Figure(data=[go.Bar(x=pd.to_datetime(["2026-01-01"]), y=np.array([1.0]))])
    assert encoded({"figure": figure}) == {"figure": json.loads(figure.to_json())}


def picture_of(text: str) -> PIL.Image.Image:
    head, _, data = text.partition(",")
    assert head == "data:image/png;base64"
    return PIL.Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_figure_of_matplotlib_is_a_picture() -> None:
    figure = matplotlib.figure.Figure(figsize=(2, 1), dpi=50)
    figure.add_subplot().plot([1, 2])
    assert picture_of(encoded({"figure": figure})["figure"]).size == (100, 50)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "CMYK", "HSV", "F"])
def test_an_image_of_pillow_is_a_picture(mode: str) -> None:
    assert picture_of(encoded(PIL.Image.new(mode, (3, 2)))).size == (3, 2)


@pytest.mark.parametrize(
    ("value", "keys", "place"),
    [
        ({1: "a", "1": "b"}, "1 and '1'", ""),
        ({True: 1, "true": 2}, "True and 'true'", ""),
        ({None: 1, "null": 2}, "None and 'null'", ""),
        ({1.0: 1, "1.0": 2}, "1.0 and '1.0'", ""),
        ({np.int64(1): 1, "1": 2}, "np.int64(1) and '1'", ""),
        ({datetime.date(2026, 1, 1): 1, "2026-01-01": 2}, "datetime.date(2026, 1, 1) and '2026-01-01'", ""),
        ({"x": [0, {1: "a", "1": "b"}]}, "1 and '1'", " (at ['x'][1])"),
        (Score({1: "a", "1": "b"}), "1 and '1'", " (at ['value'])"),
        (types.MappingProxyType({1: "a", "1": "b"}), "1 and '1'", ""),
        (pd.DataFrame({"c": [{1: "a", "1": "b"}]}), "1 and '1'", ""),
        (np.array([{1: "a", "1": "b"}]), "1 and '1'", ""),
    ],
)
def test_keys_that_are_the_same_text_are_refused(value: Any, keys: str, place: str) -> None:
    with pytest.raises(UnencodableOutputError) as caught:
        encode_output("out", value)
    reason = f"its keys {keys} are the same text in JSON{place}"
    assert str(caught.value) == f"Output 'out' cannot be encoded as JSON: {reason}"


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"deep": [1, object()]}, "['deep'][1]"),
        ([{"a": Score(object())}], "[0]['a']['value']"),
        (pd.DataFrame({"a": [1, 2], "b": [1, object()]}), "[1]['b']"),
        (np.array([0, object()]), "[1]"),
        (collections.deque([object()]), "[0]"),
    ],
)
def test_the_error_names_the_type_and_the_place(value: Any, place: str) -> None:
    with pytest.raises(UnencodableOutputError) as caught:
        encode_output("out", value)
    reason = f"objects of type 'builtins.object' have no JSON form (at {place})"
    assert str(caught.value) == f"Output 'out' cannot be encoded as JSON: {reason}"


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
