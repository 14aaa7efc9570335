"""Values of pyarrow."""

from functools import partial
from typing import Any

from msgspec import UNSET

from kedro_asgi.tables.records import batched


def plain_of_arrow(pyarrow: Any, value: Any) -> Any:
    """Return the plain form of ``value``: records for a table, a list for a column; UNSET for other values."""
    match value:
        case pyarrow.Table() | pyarrow.RecordBatch():
            return batched(value.num_rows, value.schema.names, partial(_columns_between, value))
        case pyarrow.Array() | pyarrow.ChunkedArray():
            return value.to_pylist()
        case pyarrow.Scalar():
            return value.as_py()
    return UNSET


def _columns_between(table: Any, start: int, end: int) -> list[list[Any]]:
    return [column.to_pylist() for column in table.slice(start, end - start).columns]
