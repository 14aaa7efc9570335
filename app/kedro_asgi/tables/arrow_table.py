"""A table that a caller sent as columns, before it becomes what nodes take; imports no library."""

from collections.abc import Mapping
from typing import Any

import msgspec


class ArrowTable(msgspec.Struct, frozen=True, eq=False):
    """A ``pyarrow.Table`` in place of a dataset: the dataset and the hints of nodes decide what nodes get of it.

    It is the same table as a list of records in JSON, with columns of exact types. Pickled by protocol 5, its columns
    are buffers that nobody copies.
    """

    table: Any

    @property
    def size_bytes(self) -> int:
        """How much memory the columns take."""
        size: int = self.table.nbytes
        return size


def has_tables(values: Mapping[str, Any]) -> bool:
    """Tell whether there are such tables among the inputs of a run."""
    return any(type(value) is ArrowTable for value in values.values())


def table_bytes(values: Mapping[str, Any]) -> int:
    """Return how much memory the tables among the inputs of a run take."""
    return sum(value.size_bytes for value in values.values() if type(value) is ArrowTable)
