"""Values of polars."""

from functools import partial
from typing import Any

from msgspec import UNSET

from kedro_asgi.tables.records import batched
from kedro_asgi.tables.values.keys import with_distinct_keys


def plain_of_polars(polars: Any, value: Any) -> Any:
    """Return the plain form of ``value``: records for a frame, collected if lazy, a list for a column; else UNSET."""
    match value:
        case polars.DataFrame():
            return batched(value.height, value.columns, partial(_columns_between, polars, value))
        case polars.LazyFrame():
            return plain_of_polars(polars, value.collect())
        case polars.Series():
            return _values(polars, value)
    return UNSET


def _columns_between(polars: Any, frame: Any, start: int, end: int) -> list[list[Any]]:
    return [_values(polars, column) for column in frame.slice(start, end - start)]


def _values(polars: Any, series: Any) -> list[Any]:
    dtype = series.dtype
    match dtype:
        case polars.Object():
            return with_distinct_keys(list(series.to_list()))
        case polars.Datetime(time_unit="ns") | polars.Duration(time_unit="ns") | polars.Time():
            # Python's own types have no nanoseconds: such a value becomes text.
            integers = series.to_physical()
            if (integers % 1000 != 0).any():
                return list(series.dt.to_string("iso" if dtype == polars.Time else "iso:strict").to_list())
    return list(series.to_list())
