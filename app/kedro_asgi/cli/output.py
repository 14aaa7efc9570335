"""Options and tables for the output of commands."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from kedro_asgi.atomic_file import write_atomically

format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Form of the output.",
)


def write_output(text: str, output: Path | None) -> None:
    """Write ``text`` to a file, which is replaced as a whole, or to standard output."""
    if output is None:
        click.echo(text)
        return
    try:
        write_atomically(output, text.encode())
    except OSError as error:
        raise click.ClickException(f"'{output}' cannot be written: {error.strerror}.") from error


def columns(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as text; each column is as wide as its widest cell."""
    table = [tuple(head), *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )
