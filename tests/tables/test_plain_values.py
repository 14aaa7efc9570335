"""Tables, arrays and scalars of libraries become plain JSON."""

import datetime
import json
from decimal import Decimal
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import TableError, UnencodableOutputError
from kedro_asgi.tables import as_plain, never_has_plain_form
from kedro_asgi.tables.records import BATCH_ROWS

T = TypeVar("T")


class Box(Generic[T]):
    pass


def encoded(value: Any) -> Any:
    return json.loads(bytes(encode_output("out", value)))


def column(values: Any, **options: Any) -> list[Any]:
    """Return a frame's column of ``values`` as it appears in JSON."""
    return [record["c"] for record in encoded(pd.DataFrame({"c": pd.Series(values, **options)}))]


@pytest.mark.parametrize(
    ("values", "dtype", "shown"),
    [
        ([1, 2], "int8", [1, 2]),
        ([2**63 + 1], "uint64", [2**63 + 1]),
        ([1, None], "Int64", [1, None]),
        ([2**53 + 1, None], "Int64", [2**53 + 1, None]),
        ([0.5, None, np.inf, -np.inf], "float64", [0.5, None, None, None]),
        ([0.5, None], "Float64", [0.5, None]),
        ([True, False], "bool", [True, False]),
        ([True, None], "boolean", [True, None]),
        (["a", None], "str", ["a", None]),
        (["a", None], "string[pyarrow]", ["a", None]),
        (["a", None, "b"], "category", ["a", None, "b"]),
        ([2, None, 1], "category", [2, None, 1]),
        ([None, None], object, [None, None]),
        ([pd.NA, pd.NaT, np.nan, 1, "a"], object, [None, None, None, 1, "a"]),
        ([[1], {"a": np.int8(1)}, (1, 2)], object, [[1], {"a": 1}, [1, 2]]),
        ([Decimal("1.50")], object, ["1.50"]),
        ([1, None], "int64[pyarrow]", [1, None]),
        ([datetime.date(2026, 11, 21), None], pd.ArrowDtype(pa.date32()), ["2026-11-21", None]),
        (["2026-11-21T01:02:03", None], "datetime64[s]", ["2026-11-21T01:02:03", None]),
        (["2026-11-21T01:02:03.000000004"], "datetime64[ns]", ["2026-11-21T01:02:03.000000004"]),
        (["2026-11-21T01:02:03"], "datetime64[us, UTC]", ["2026-11-21T01:02:03Z"]),
        (["2026-11-21T01:02:03"], "datetime64[us, Europe/Oslo]", ["2026-11-21T01:02:03+01:00"]),
        ([datetime.timedelta(hours=1), None], "timedelta64[us]", ["PT3600S", None]),
        ([pd.Period("2026-11"), None], "period[M]", ["2026-11", None]),
        ([pd.Interval(0, 1), None], "interval", ["(0.0, 1.0]", None]),
        ([0, 0, 5], pd.SparseDtype("int64"), [0, 0, 5]),
        (pd.Categorical(pd.to_datetime(["2026-11-21", None])), None, ["2026-11-21T00:00:00", None]),
    ],
)
def test_each_kind_of_column_becomes_plain_values(values: Any, dtype: Any, shown: list[Any]) -> None:
    assert column(values, dtype=dtype) == shown


def test_integers_stay_integers_in_json() -> None:
    frame = pd.DataFrame({"n": [1, 2], "m": pd.array([1, None], dtype="Int64"), "x": [1.0, 2.5]})
    assert bytes(encode_output("out", frame)) == b'[{"n":1,"m":1,"x":1.0},{"n":2,"m":null,"x":2.5}]'


def test_frames_of_many_batches_and_of_none() -> None:
    rows = 2 * BATCH_ROWS + 1
    assert encoded(pd.DataFrame({"n": range(rows)})) == [{"n": n} for n in range(rows)]
    assert encoded(pl.DataFrame({"n": range(rows)})) == [{"n": n} for n in range(rows)]
    assert encoded(pd.DataFrame({"n": []})) == []
    assert encoded(pd.DataFrame(index=[1, 2])) == []


def test_a_meaningful_index_is_kept() -> None:
    frame = pd.DataFrame({"x": [1, 2, 3], "k": ["a", "b", "a"]})
    assert encoded(frame[frame["x"] > 1]) == [{"x": 2, "k": "b"}, {"x": 3, "k": "a"}]
    assert encoded(frame.groupby("k").sum()) == [{"k": "a", "x": 4}, {"k": "b", "x": 2}]
    assert encoded(frame.groupby(["k", "x"]).size().to_frame("n"))[0] == {"k": "a", "x": 1, "n": 1}
    assert encoded(frame[["x"]].agg(["min", "max"])) == [{"index": "min", "x": 1}, {"index": "max", "x": 3}]
    assert encoded(frame["k"].value_counts()) == {"a": 2, "b": 1}
    assert encoded(frame["x"][frame["x"] > 1]) == [2, 3]


def test_column_names_become_text() -> None:
    frame = pd.DataFrame({1: [1], pd.Timestamp("2026-11-21"): [2], None: [3]})
    assert encoded(frame) == [{"1": 1, "2026-11-21T00:00:00": 2, "None": 3}]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns share a name: 'a'"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "columns share a name: '1'"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "its columns have several levels"),
        (pd.DataFrame({"k": [1]}, index=pd.Index([1], name="k")), "its index cannot become columns"),
        (pd.DataFrame({"x": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])), "its index has levels without names"),
        (pd.Series([1], index=pd.MultiIndex.from_tuples([(1, 2)])), "its index has several levels"),
        (pd.Series([1, 2], index=["a", "a"]), "labels of its index are repeated"),
        (pd.DataFrame({"c": [object()]}), "objects of type 'builtins.object' have no JSON form"),
        (pd.DataFrame({"c": [1j]}), "objects of type 'builtins.complex' have no JSON form"),
        (LinearRegression(), "objects of type 'sklearn.linear_model._base.LinearRegression' have no JSON form"),
    ],
)
def test_a_frame_that_cannot_be_records_is_refused_with_the_reason(value: Any, reason: str) -> None:
    with pytest.raises(UnencodableOutputError, match="Output 'out' cannot be encoded as JSON") as caught:
        encode_output("out", value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.datetime64("2026-11-21T01:02:03", "ns"), "2026-11-21T01:02:03"),
        (np.array(["2026-11-21T01:02:03.000000004", "NaT"], "M8[ns]"), ["2026-11-21T01:02:03.000000004", None]),
        (np.array([1, 2], "m8[s]"), ["PT1S", "PT2S"]),
        (np.timedelta64(1_500_000_000, "ns"), "PT1.5S"),
        (np.ma.masked_array([1, 2], [False, True]), [1, None]),
        (np.array([(1, 0.5)], dtype=[("n", "i4"), ("x", "f8")]), [{"n": 1, "x": 0.5}]),
        (np.timedelta64(2, "M"), "P2M"),
        (np.array([1, "NaT"], "m8[Y]"), ["P1Y", None]),
        (np.array([("2026-11-21T01:02:03.000000004",)], [("t", "M8[ns]")]), [{"t": "2026-11-21T01:02:03.000000004"}]),
        (pd.MultiIndex.from_tuples([(1, "a")]), [[1, "a"]]),
        (pl.Series([1], dtype=pl.Datetime("ns")), ["1970-01-01T00:00:00.000000001"]),
        (pl.Series([1000, None], dtype=pl.Datetime("ns")), ["1970-01-01T00:00:00.000001", None]),
        (pl.DataFrame({"t": pl.Series([1], dtype=pl.Duration("ns"))}), [{"t": "PT0.000000001S"}]),
        (np.array(5), 5),
        ({np.int64(3): np.float64(0.5), np.str_("a"): np.nan}, {"3": 0.5, "a": None}),
        (pd.Categorical(["a", None]), ["a", None]),
        (pd.array([1, None], dtype="Int64"), [1, None]),
        (pl.Series([1, None]), [1, None]),
        (
            pl.DataFrame({"t": [datetime.datetime(2026, 11, 21), None]}).lazy(),
            [{"t": "2026-11-21T00:00:00"}, {"t": None}],
        ),
        (pa.table({"n": [1, None], "s": ["a", "b"]}), [{"n": 1, "s": "a"}, {"n": None, "s": "b"}]),
        (pa.array([1, None]), [1, None]),
        (pa.scalar(5), 5),
    ],
)
def test_other_values_of_libraries_become_plain(value: Any, shown: Any) -> None:
    assert encoded(value) == shown


def test_predictions_of_scikit_learn() -> None:
    x = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    assert encoded(LinearRegression().fit(x, [0, 2, 4, 6]).predict(x)) == pytest.approx([0, 2, 4, 6])
    classifier = LogisticRegression().fit(x, ["no", "no", "yes", "yes"])
    assert encoded(classifier.predict(x)) == ["no", "no", "yes", "yes"]
    chances = encoded(dict(zip(classifier.classes_, classifier.predict_proba(x)[0], strict=True)))
    assert sum(chances.values()) == pytest.approx(1)
    assert list(chances) == ["no", "yes"]


def test_invalid_unicode_in_frames_is_escaped() -> None:
    assert encoded(pd.DataFrame({"s": ["\ud800"], "x": [np.nan]}, dtype=object)) == [{"s": "\ud800", "x": None}]


def test_python_callers_have_the_same_conversion() -> None:
    frame = pd.DataFrame({"t": pd.to_datetime(["2026-11-21"]), "n": [1]})
    assert as_plain({"frame": frame, "score": np.float32(0.5)}) == {
        "frame": [{"t": "2026-11-21T00:00:00", "n": 1}],
        "score": 0.5,
    }
    with pytest.raises(TableError):
        as_plain(pd.DataFrame([[1, 2]], columns=["a", "a"]))


@pytest.mark.parametrize(
    "hint", [Any, dict[str, Any], list[dict[str, Any]], tuple[Any, int], Any | None, Box[int], T, "unknown", None]
)
def test_a_hint_that_allows_anything_tells_nothing(hint: Any) -> None:
    assert not never_has_plain_form(hint)


@pytest.mark.parametrize("hint", [LinearRegression, LinearRegression | LogisticRegression, list[LinearRegression]])
def test_a_hint_of_classes_without_a_plain_form_tells(hint: Any) -> None:
    assert never_has_plain_form(hint)
