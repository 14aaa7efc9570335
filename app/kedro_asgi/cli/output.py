"""Options and tables for the output of commands."""

from collections.abc import Iterable, Sequence
from typing import Any

import click

format_option = click.option(
    "--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True
)


def columns(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as text; each column is as wide as its widest cell."""
    table = [tuple(head), *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )
