"""Frames from tables of Arrow, and tables of Arrow from frames."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import TableError
from kedro_asgi.tables import TableForm
from kedro_asgi.tables.arrow import as_json_value, stored_table, table_from_json, table_of, write_csv, write_stream
from kedro_asgi.tables.arrow.frames import arrow_frame, frame_or_column

_KINDS = pa.table(
    {
        "n": [1, 2],
        "x": [0.5, None],
        "s": ["a", None],
        "ok": [True, None],
        "at": pa.array([datetime(2026, 1, 2, tzinfo=UTC), None], pa.timestamp("us", "Europe/Berlin")),
        "d": pa.array([date(2026, 1, 2), None]),
        "c": pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.uint32()), ["u", "v"]),
        "l": [[1, 2], []],
        "m": [{"a": 1}, None],
        "dec": pa.array([Decimal("1.5"), None], pa.decimal128(9, 2)),
        "span": pa.array([timedelta(seconds=1), None], pa.duration("us")),
    }
)


def frame(library: Any, table: pa.Table = _KINDS, **form: Any) -> Any:
    return arrow_frame(table, TableForm(library=library, **form))


def json_of(name: str, value: Any) -> bytes:
    return bytes(encode_output(name, value))


def test_pandas_gets_the_types_that_it_has() -> None:
    found = frame("pandas")
    kinds = {name: str(dtype) for name, dtype in found.dtypes.items()}
    assert kinds["n"] == "int64"
    assert kinds["at"] == "datetime64[us, Europe/Berlin]"
    assert kinds["c"] == "category"
    assert kinds["span"] == "timedelta64[us]"
    assert found["d"].tolist() == [date(2026, 1, 2), None]
    assert found["c"].tolist() == ["u", "v"]


def test_polars_gets_the_types_that_it_has() -> None:
    found = frame("polars")
    assert found.schema["at"] == pl.Datetime("us", "Europe/Berlin")
    assert found.schema["l"] == pl.List(pl.Int64)
    assert isinstance(frame("polars.lazy"), pl.LazyFrame)
    assert frame("pyarrow") is _KINDS


def test_integers_beside_missing_values_stay_exact() -> None:
    table = pa.table({"small": [1, None], "large": [2**60 + 1, None]})
    found = frame("pandas", table)
    assert (str(found["small"].dtype), found["large"][0]) == ("float64", 2**60 + 1)


def test_numbers_are_not_copied() -> None:
    table = pa.table({"n": list(range(1000)), "x": [0.5] * 1000})
    place = table.column("x").chunk(0).buffers()[1].address
    assert frame("pandas", table)["x"].to_numpy().__array_interface__["data"][0] == place
    assert frame("polars", table)["x"].to_numpy().__array_interface__["data"][0] == place


def test_declared_types_are_those_of_the_frame() -> None:
    table = pa.table({"id": [1, 2], "at": ["2026-01-02", None], "g": ["u", "v"]})
    found = frame("pandas", table, dtype={"id": "str", "g": "category"}, parse_dates=("at",), index_col=("g",))
    assert (found["id"].tolist(), found["at"].iloc[0], found.index.name) == (
        ["1", "2"],
        pd.Timestamp("2026-01-02"),
        "g",
    )
    found = frame("polars", table, dtype={"id": "Float64"}, parse_dates=("at",))
    assert (found.schema["id"], found.schema["at"]) == (pl.Float64, pl.Datetime("us"))
    assert frame("pyarrow", table, dtype={"id": "float64"}).schema.field("id").type == pa.float64()


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_column_that_cannot_have_its_declared_type_is_an_error(library: Any) -> None:
    declared = {"pandas": "int64", "polars": "Int64", "pyarrow": "int64"}[library]
    with pytest.raises(TableError):
        frame(library, pa.table({"s": ["a", "b"]}), dtype={"s": declared})


def test_one_table_is_no_workbook() -> None:
    with pytest.raises(TableError, match="mapping of sheets"):
        frame("pandas", is_sheets=True)


def test_metadata_of_a_caller_may_be_wrong() -> None:
    table = pa.table({"n": [1]}).replace_schema_metadata({b"pandas": b'{"index_columns": ["gone"], "columns": 3}'})
    with pytest.raises(TableError):
        frame("pandas", table)


VALUES = {
    "pandas": pd.DataFrame({"n": [1, 2], "s": ["a", None], "x": [0.5, float("nan")]}),
    "filtered": pd.DataFrame({"n": [1, 2, 3]}).query("n > 1"),
    "indexed": pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="key")),
    "numbered": pd.DataFrame([[1, 2]]),
    "polars": pl.DataFrame({"n": [1, 2], "s": ["a", None], "l": [[1], []]}),
    "lazy": pl.LazyFrame({"n": [1, 2]}),
    "table": pa.table({"n": [1, 2], "s": ["a", None]}),
    "batch": pa.record_batch({"n": [1, 2]}),
    "pandas column": pd.Series([0.5, None]),
    "polars column": pl.Series("x", [1, None]),
    "arrow column": pa.chunked_array([[1, 2]]),
    "array": np.array([1.5, 2.5]),
    "matrix": np.array([[1, 2], [3, 4], [5, 6]]),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_columns_have_the_same_form_in_json_as_the_value_that_they_came_from(value: Any) -> None:
    kept = stored_table(write_stream(table_of(value, name="out")))
    assert json_of("out", as_json_value(kept)) == json_of("out", value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        {"n": [1]},
        [{"n": 1}],
        np.array([[[1]]]),
        np.array([object()]),
        pd.DataFrame({"o": [object()]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.Series([1], index=["a"]),
    ],
)
def test_what_is_no_table_or_has_no_form_in_arrow_stays_json(value: Any) -> None:
    assert table_of(value, name="out") is None


def test_json_becomes_a_table_where_it_is_one() -> None:
    assert table_from_json("out", [{"n": 1}, {"n": None}]).to_pylist() == [{"n": 1}, {"n": None}]
    assert table_from_json("out", {"n": [1], "s": ["a"]}).to_pylist() == [{"n": 1, "s": "a"}]
    assert table_from_json("out", [1.5, 2]).to_pylist() == [{"out": 1.5}, {"out": 2.0}]
    assert table_from_json("out", [[1, 2], [3, 4]]).to_pylist() == [{"0": 1, "1": 2}, {"0": 3, "1": 4}]
    assert table_from_json("out", []).num_rows == 0


@pytest.mark.parametrize("value", [3, "text", None, {"a": 1}, [{"a": 1}, {"b": 2}], [[1], [1, 2]], [1, "a"], [1, [2]]])
def test_json_that_is_no_table_is_an_error(value: Any) -> None:
    with pytest.raises(TableError):
        table_from_json("out", value)


def test_a_table_is_written_as_csv_unless_it_holds_tables() -> None:
    assert bytes(memoryview(write_csv(_KINDS.select(["n", "s", "c"])))) == b'"n","s","c"\n1,"a","u"\n2,,"v"\n'
    with pytest.raises(TableError, match="no form in CSV"):
        write_csv(_KINDS.select(["l"]))


def test_a_column_comes_back_as_a_column() -> None:
    kept = table_of(np.array([1, 2]), name="out")
    assert frame_or_column(kept, "pandas").tolist() == [1, 2]
    assert frame_or_column(kept, "polars").to_list() == [1, 2]
    assert frame_or_column(kept, "pyarrow").to_pylist() == [1, 2]
