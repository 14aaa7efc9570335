"""The rows of tables and arrays: how many there are, of which kind, and how those of one kind are joined and split."""

from collections.abc import Hashable, Sequence
from typing import Any

import msgspec

from kedro_asgi.tables.rows.encoded import split_encoded
from kedro_asgi.tables.rows.frames import count_rows as count_rows_of_frame
from kedro_asgi.tables.rows.frames import join_frames, split_frame
from kedro_asgi.tables.rows.plain import join_plain, rows_of_plain, split_plain


class Rows(msgspec.Struct, frozen=True, gc=False):
    """How many rows a value has, and their kind: names and types, so far as they decide what the rows become."""

    count: int
    kind: Hashable


def rows_of(value: object) -> Rows | None:
    """Return the rows of ``value``; ``None`` if it has none, or if they cannot be joined with others."""
    found = rows_of_plain(value) if type(value) in (list, dict) else count_rows_of_frame(value)
    return None if found is None or found[0] == 0 else Rows(*found)


def join_rows(values: Sequence[Any]) -> Any:
    """Return the rows of ``values``, which are all of one kind, as one value."""
    return join_plain(values) if type(values[0]) in (list, dict) else join_frames(values)


def split_rows(value: Any, counts: Sequence[int]) -> list[Any] | None:
    """Return the rows of ``value`` in parts of ``counts`` rows each; ``None`` if it has another number of rows.

    A value that is JSON already (`msgspec.Raw`) gives parts that are JSON.
    """
    match value:
        case msgspec.Raw():
            return split_encoded(value, counts)
        case list() | dict():
            return split_plain(value, counts)
    return split_frame(value, counts)
