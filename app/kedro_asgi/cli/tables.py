"""Tables on standard output or standard error: with colours and as wide as the terminal, or as plain text."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec

import click

from kedro_asgi.cli.output import columns
from kedro_asgi.errors.wording import one_line

STATUS_STYLES: Mapping[str, str] = {
    "queued": "dim",
    "waiting": "dim",
    "skipped": "dim",
    "running": "cyan",
    "success": "green",
    "failure": "bold red",
    "cancelled": "yellow",
    "timed_out": "bold red",
    "interrupted": "yellow",
}

# A narrow terminal cuts the cells of the other columns first.
_WHOLE = ("RUN", "STATUS", "SECONDS")


def seconds_text(seconds: float | None) -> str:
    """Return a duration as all commands show it; nothing for one that is not known."""
    return "" if seconds is None else f"{seconds:.3f}"


def echo_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool = False) -> None:
    """Print a table; columns named ``STATUS`` have colours on a terminal, columns named ``SECONDS`` align right."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    echo: Callable[..., None] = _echo_rich if has_rich_terminal(err=err) else _echo_plain
    echo(head, cells, err=err)


def has_rich_terminal(*, err: bool) -> bool:
    """Tell whether standard output, or standard error, is a terminal, and rich is installed to use it."""
    stream = sys.stderr if err else sys.stdout
    return stream.isatty() and find_spec("rich") is not None


def _echo_plain(head: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool) -> None:
    click.echo(columns(head, rows), err=err)


def _echo_rich(head: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool) -> None:
    # rich is an optional dependency.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in head:
        table.add_column(name, no_wrap=name in _WHOLE, justify="right" if name == "SECONDS" else "left")
    for row in rows:
        styles = [STATUS_STYLES.get(cell, "") if name == "STATUS" else "" for name, cell in zip(head, row, strict=True)]
        table.add_row(*map(partial(Text, no_wrap=True, overflow="ellipsis"), row, styles))
    Console(stderr=err).print(table)
