"""Rows of plain values: lists of records or of any other values, and mappings of columns."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

from kedro_asgi.tables.table_form import LARGEST_EXACT

# Libraries choose the type of a column by its largest number: one that a float holds, or 64 bits.
_LONG = 2**63

# Types whose values are all of one kind.
_SIMPLE = frozenset({str, float, bool, type(None)})
_INTEGERS = {int}

Kind = type[Any] | tuple[Any, ...] | frozenset[Any]
Found = tuple[int, Kind]


def rows_of_plain(value: Any) -> Found | None:
    """Return how many rows a list or a mapping of columns has, and their kind."""
    if type(value) is dict:
        return _of_columns(value)
    if not value:
        return None
    return _of_records(value) if type(value[0]) is dict else (len(value), ("values", _kind_of_all(value)))


def join_plain(values: Sequence[Any]) -> Any:
    """Return lists as one list, mappings of columns as one mapping."""
    if type(values[0]) is list:
        return list(chain.from_iterable(values))
    return {name: list(chain.from_iterable(value[name] for value in values)) for name in values[0]}


def split_plain(value: Any, counts: Sequence[int]) -> list[Any] | None:
    """Return a list, or a mapping of columns, in parts of ``counts`` rows each; ``None`` if its length is another."""
    if type(value) is list:
        return [value[start:end] for start, end in bounds(counts)] if len(value) == sum(counts) else None
    if not value or not all(isinstance(column, list) and len(column) == sum(counts) for column in value.values()):
        return None
    return [{name: column[start:end] for name, column in value.items()} for start, end in bounds(counts)]


def bounds(counts: Iterable[int]) -> Iterable[tuple[int, int]]:
    """Return the first row of each part, and the one after its last."""
    return pairwise(accumulate(counts, initial=0))


def _of_columns(columns: dict[Any, Any]) -> Found | None:
    lengths = {len(column) if type(column) is list else -1 for column in columns.values()}
    if len(lengths) != 1 or -1 in lengths:
        return None
    return lengths.pop(), ("columns", tuple(columns), tuple(map(_kind_of_all, columns.values())))


def _of_records(records: list[Any]) -> Found | None:
    names = tuple(records[0])
    if len(records) == 1:
        return 1, ("records", names, tuple(map(_kind, records[0].values())))
    if all(type(record) is dict and tuple(record) == names for record in records):
        columns: Iterable[Any] = zip(*map(dict.values, records), strict=True)
    elif all(type(record) is dict and record.keys() == records[0].keys() for record in records):
        columns = ([record[name] for record in records] for name in names)
    else:
        return None
    return len(records), ("records", names, tuple(map(_kind_of_all, columns)))


def _kind_of_all(values: Sequence[Any]) -> Kind:
    """Return the kind of the values of a column, or the set of their kinds."""
    # Whole columns first: to look at each value takes six times as long.
    kinds: set[Kind] = set(map(type, values))
    are_exact = kinds == _INTEGERS and min(values) >= -LARGEST_EXACT and max(values) <= LARGEST_EXACT
    if not kinds <= _SIMPLE and not are_exact:
        kinds = set(map(_kind, values))
    return kinds.pop() if len(kinds) == 1 else frozenset(kinds)


def _kind(value: Any) -> Kind:
    kind = type(value)
    if kind in _SIMPLE:
        return kind
    if kind is int:
        return int if -LARGEST_EXACT <= value <= LARGEST_EXACT else ("int", -_LONG <= value < _LONG)
    if kind is list:
        return (list, *map(_kind, value))
    return (dict, *value, *map(_kind, value.values())) if kind is dict else kind
