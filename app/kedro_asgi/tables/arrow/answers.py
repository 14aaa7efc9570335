"""Kept outputs in another form than that in which they are kept."""

from collections.abc import Mapping
from typing import Any

from kedro_asgi.errors import TableError
from kedro_asgi.tables.arrow.conversion import KIND, ROWS, VALUES
from kedro_asgi.tables.arrow.library import pyarrow
from kedro_asgi.tables.columns import columns_of, kind_of


def as_json_value(table: Any) -> Any:
    """Return what a table becomes in JSON: itself, which is encoded as records, or the list that it was made of."""
    kind = (table.schema.metadata or {}).get(KIND)
    if kind == VALUES:
        return table.column(0)
    if kind == ROWS:
        return [list(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]
    return table


def table_from_json(name: str, value: Any) -> Any:
    """Return a table of what JSON holds: records, columns, rows, or a list of values, which is the column ``name``.

    Raises `TableError` for any other value.
    """
    columns = _columns(name, value)
    try:
        return pyarrow.table(columns)
    except (pyarrow.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise TableError(f"its columns have no types: {error}") from error


def _columns(name: str, value: Any) -> Mapping[str, list[Any]]:
    if isinstance(value, Mapping):
        return columns_of(value)
    if not isinstance(value, list):
        raise TableError(f"it is {kind_of(value)}, and no table")
    kinds = set(map(type, value))
    if kinds <= {dict}:
        return columns_of(value)
    if kinds == {list}:
        if len(set(map(len, value))) > 1:
            raise TableError("its rows have different lengths")
        return {str(number): list(column) for number, column in enumerate(zip(*value, strict=True))}
    return {name: value}
