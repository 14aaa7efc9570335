"""Values of polars."""

from functools import partial
from typing import Any

from msgspec import UNSET

from kedro_asgi.tables.records import batched


def plain_of_polars(polars: Any, value: Any) -> Any:
    """Return the plain form of ``value``: records for a frame, collected if lazy, a list for a column; else UNSET."""
    match value:
        case polars.DataFrame():
            return batched(value.height, value.columns, partial(_columns_between, value))
        case polars.LazyFrame():
            return plain_of_polars(polars, value.collect())
        case polars.Series():
            return value.to_list()
    return UNSET


def _columns_between(frame: Any, start: int, end: int) -> list[list[Any]]:
    return [column.to_list() for column in frame.slice(start, end - start)]
