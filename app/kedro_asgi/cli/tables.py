"""Tables on a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any


def columns(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows under a head, each column as wide as its widest cell."""
    table = [tuple(head), *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )
