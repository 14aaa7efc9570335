"""The rows of a table as records, for JSON."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from kedro_asgi.errors import TableError
from kedro_asgi.errors.wording import quoted

BATCH_ROWS = 5000
_MAX_NAMES = 5


class Records(msgspec.Struct, frozen=True):
    """Rows as mappings of column to value, in batches, so that a large table is never in memory twice.

    The batches can be iterated once. Values are plain, or of a kind that `plain_value` converts.
    """

    batches: Iterable[list[dict[str, Any]]]


def batched(rows: int, names: list[str], columns_between: Callable[[int, int], Iterable[list[Any]]]) -> Records:
    """Return the records of a table with ``rows`` rows; ``columns_between`` returns its columns between two rows."""
    check_names(names)
    return Records(_batches(rows, names, columns_between))


def check_names(names: Iterable[str]) -> None:
    """Raise `TableError` if columns share a name."""
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        raise TableError(f"columns share a name: {quoted(repeated[:_MAX_NAMES])}")


def _batches(
    rows: int, names: list[str], columns_between: Callable[[int, int], Iterable[list[Any]]]
) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, rows, BATCH_ROWS):
        columns = columns_between(start, min(start + BATCH_ROWS, rows))
        yield [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
