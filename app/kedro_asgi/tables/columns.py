"""The columns of a table that is given in JSON, as a list of records or a mapping of columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from kedro_asgi.errors import TableError

_EXPECTED = "expected is a list of records or a mapping of columns"
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
_MAX_NAMES = 5


def columns_of(data: Any) -> dict[str, list[Any]]:
    """Return the columns of a table by name, in their order; raises `TableError` for a wrong record or column.

    All records must have the same columns: otherwise a forgotten column would look like missing values, and a misspelt
    name like a new column. A missing value is ``null``.
    """
    if isinstance(data, Mapping):
        return _from_columns(data)
    if isinstance(data, Sequence) and not isinstance(data, str):
        return _from_records(data)
    raise TableError(f"it is {kind_of(data)}; {_EXPECTED}")


def kind_of(value: object) -> str:
    """Return the kind of a JSON value, for error messages."""
    return "null" if value is None else _KINDS.get(type(value), f"of type {type(value).__name__}")


def _from_records(records: Sequence[Any]) -> dict[str, list[Any]]:
    if not records:
        return {}
    columns = records[0].keys() if isinstance(records[0], Mapping) else ()
    for number, record in enumerate(records, start=1):
        if not isinstance(record, Mapping) or record.keys() != columns:
            raise _wrong_record(number, record, columns)
    return {column: [record[column] for record in records] for column in columns}


def _wrong_record(number: int, record: Any, columns: Any) -> TableError:
    if not isinstance(record, Mapping):
        return TableError(f"record {number} is {kind_of(record)}, not an object; {_EXPECTED}")
    if missing := [column for column in columns if column not in record]:
        return TableError(f"record {number} has no {_listed(missing)}, which record 1 has (null is a missing value)")
    extra = [column for column in record if column not in columns]
    return TableError(f"record {number} has {_listed(extra)}, which record 1 does not have")


def _from_columns(columns: Mapping[str, Any]) -> dict[str, list[Any]]:
    rows: int | None = None
    for name, values in columns.items():
        if not isinstance(values, list | tuple):
            raise TableError(f"column '{name}' is {kind_of(values)}, not a list; {_EXPECTED}")
        rows = len(values) if rows is None else rows
        if len(values) != rows:
            first = next(iter(columns))
            raise TableError(f"column '{name}' has {len(values)} values, but column '{first}' has {rows}")
    return {name: list(values) for name, values in columns.items()}


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_MAX_NAMES])
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"column{'s' if len(names) > 1 else ''} {shown}{more}"
