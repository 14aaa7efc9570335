"""A table in JSON becomes the frame that reading the same table from a file would give."""

import io
from typing import Any

import pandas as pd
import polars as pl
import pytest

from kedro_asgi.errors import TableError
from kedro_asgi.tables import TableForm, frame_of


def pandas_frame(data: Any, **options: Any) -> pd.DataFrame:
    return frame_of(data, TableForm.read("pandas", options))


RECORDS = [{"n": 1, "x": 0.5, "s": "a", "b": True}, {"n": 2, "x": None, "s": None, "b": False}]
COLUMNS = {"n": [1, 2], "x": [0.5, None], "s": ["a", None], "b": [True, False]}


@pytest.mark.parametrize("data", [RECORDS, COLUMNS])
def test_records_and_columns_become_the_frame_of_a_csv_file(data: Any) -> None:
    read = pd.read_csv(io.StringIO("n,x,s,b\n1,0.5,a,True\n2,,,False\n"))
    pd.testing.assert_frame_equal(pandas_frame(data), read)


@pytest.mark.parametrize(
    ("values", "csv"),
    [
        ([1, 2], "1\n2"),
        ([1, None], "1\n"),
        ([1, 2.5], "1\n2.5"),
        ([None, None], "\n"),
        (["2026-11-21", "b"], "2026-11-21\nb"),
        ([-1, 2**62], f"-1\n{2**62}"),
    ],
)
def test_a_column_without_a_declared_type_is_as_read_from_a_file(values: list[Any], csv: str) -> None:
    read = pd.read_csv(io.StringIO(f"c\n{csv}\n"), skip_blank_lines=False)
    pd.testing.assert_frame_equal(pandas_frame({"c": values}), read)


def test_a_large_integer_beside_a_missing_value_is_kept_exactly() -> None:
    column = pandas_frame([{"n": 2**53 + 1}, {"n": None}])["n"]
    assert column.dtype == "Int64"
    assert column[0] == 2**53 + 1
    assert pandas_frame([{"n": 2**70}, {"n": None}])["n"].tolist() == [2**70, None]


def test_declared_types_are_followed() -> None:
    frame = pandas_frame(
        [{"zip": 7, "kind": "a", "count": 1, "ok": True}, {"zip": None, "kind": None, "count": None, "ok": False}],
        dtype={"zip": "str", "kind": "category", "count": "Int64", "ok": "bool", "absent": "int64"},
    )
    assert frame["zip"][0] == "7"
    assert frame["zip"].isna()[1]
    assert frame.dtypes[["kind", "count", "ok"]].astype(str).tolist() == ["category", "Int64", "bool"]
    assert frame["count"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "options",
    [{"parse_dates": ["t"]}, {"parse_dates": "t"}, {"dtype": {"t": "datetime64[us]"}}, {"convert_dates": ["t"]}],
)
def test_declared_dates_become_datetimes(options: dict[str, Any]) -> None:
    frame = pandas_frame([{"t": "2026-11-21"}, {"t": None}, {"t": "2026-11-21T10:20:30.5"}], **options)
    assert frame["t"].dtype.kind == "M"
    assert frame["t"][2] == pd.Timestamp("2026-11-21T10:20:30.5")
    assert frame["t"].isna()[1]


def test_time_zones_are_kept_and_formats_are_known() -> None:
    assert str(pandas_frame([{"t": "2026-11-21T10:00:00Z"}], parse_dates=["t"])["t"].dtype).endswith("UTC]")
    options = {"parse_dates": ["t"], "date_format": {"t": "%d/%m/%Y"}}
    for text in ("21/11/2026", "2026-11-21"):
        assert pandas_frame([{"t": text}], **options)["t"][0] == pd.Timestamp("2026-11-21")


def test_index_columns_become_the_index() -> None:
    frame = pandas_frame([{"id": 7, "x": 1}], index_col="id", dtype={"id": "Int64"})
    assert (frame.index.name, frame.index[0], list(frame)) == ("id", 7, ["x"])
    assert pandas_frame([{"a": 1, "b": 2, "x": 1}], index_col=["a", "b"]).index.names == ["a", "b"]
    assert list(pandas_frame([{"a": 1}], index_col=0)) == ["a"]


def test_nested_values_stay_as_they_are() -> None:
    frame = pandas_frame([{"tags": ["a"], "at": {"x": 1}}])
    assert frame["tags"][0] == ["a"]
    assert frame["at"][0] == {"x": 1}


@pytest.mark.parametrize("data", [[], {}])
def test_no_records_make_an_empty_frame(data: Any) -> None:
    assert pandas_frame(data, parse_dates=["t"], index_col="id").empty
    assert list(pandas_frame({"a": [], "b": []})) == ["a", "b"]


def test_a_workbook_is_a_mapping_of_sheets() -> None:
    frames = pandas_frame({"one": [{"a": 1}], "two": {"b": [2]}}, sheet_name=None)
    assert {name: list(frame) for name, frame in frames.items()} == {"one": ["a"], "two": ["b"]}
    with pytest.raises(TableError, match="sheet 'one': record 1 is a number"):
        pandas_frame({"one": [1]}, sheet_name=["one"])
    with pytest.raises(TableError, match="expected is a mapping of sheets"):
        pandas_frame([{"a": 1}], sheet_name=None)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (5, {}, "it is a number; expected is a list of records or a mapping of columns"),
        ("a.csv", {}, "it is a text;"),
        (None, {}, "it is null;"),
        ([1, 2], {}, "record 1 is a number, not an object"),
        ([{"a": 1}, [2]], {}, "record 2 is a list, not an object"),
        ([{"a": 1, "b": 1}, {"a": 1}], {}, "record 2 has no column 'b', which record 1 has"),
        ([{"a": 1}, {"a": 1}, {"a": 1, "c": 2}], {}, "record 3 has column 'c', which record 1 does not have"),
        ({"a": [1, 2], "b": [1]}, {}, "column 'b' has 1 values, but column 'a' has 2"),
        ({"a": 1}, {}, "column 'a' is a number, not a list"),
        ([{"a": 1}] * 6 + [{"a": "x"}, {"a": "y"}], {"dtype": {"a": "int64"}}, "column 'a', record 7: 'x' cannot"),
        ([{"a": 1}, {"a": None}], {"dtype": {"a": "int64"}}, "column 'a', record 2: None cannot be read as int64"),
        ([{"a": 1.5}], {"dtype": {"a": "Int64"}}, "record 1: 1.5 cannot be read as Int64"),
        ([{"a": True}, {"a": None}], {"dtype": {"a": "bool"}}, "record 2: None cannot be read as bool"),
        ([{"a": "no"}], {"dtype": {"a": "bool"}}, "record 1: 'no' cannot be read as bool"),
        ([{"a": 1}], {"dtype": {"a": "int7"}}, "column 'a': its declared type 'int7' is unknown"),
        (
            [{"t": None}, {"t": "soon"}],
            {"parse_dates": ["t"]},
            "column 't', record 2: 'soon' cannot be read as a moment",
        ),
        ([{"t": 5}], {"parse_dates": ["t"]}, "record 1: 5 cannot be read as a moment in ISO 8601"),
    ],
)
def test_the_error_of_a_wrong_table_says_where(data: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as caught:
        pandas_frame(data, **options)
    assert message in str(caught.value)


def test_records_become_polars_frames() -> None:
    form = TableForm.read("polars", {"dtype": {"n": "Int8"}, "parse_dates": ["t"]})
    frame = frame_of([{"n": 1, "x": 1, "t": "2026-11-21T01:02:03"}, {"n": None, "x": 2.5, "t": None}], form)
    assert frame.schema == {"n": pl.Int8, "x": pl.Float64, "t": pl.Datetime("us")}
    lazy = frame_of({"n": [1]}, TableForm.read("polars.lazy", {}))
    assert isinstance(lazy, pl.LazyFrame)
    with pytest.raises(TableError, match="column 'n'"):
        frame_of([{"n": 1}, {"n": "x"}], TableForm.read("polars", {}))
