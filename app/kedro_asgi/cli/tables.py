"""Tables on standard output or standard error: with colours and as wide as the terminal, or as plain text."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO

import click

from kedro_asgi.errors.wording import one_line

if TYPE_CHECKING:
    from rich.text import Text

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

_PADDING = 2
# A narrow terminal cuts the cells of the other columns; the ids of runs, which users copy, go on in the next line.
_WHOLE = ("RUN", "STATUS", "SECONDS")


def seconds_text(seconds: float | None) -> str:
    """Return a duration as all commands show it; nothing for one that is not known."""
    return "" if seconds is None else f"{seconds:.3f}"


def columns(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as text; each column is as wide as its widest cell."""
    table = [tuple(head), *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def echo_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool = False) -> None:
    """Print a table; columns named ``STATUS`` have colours on a terminal, columns named ``SECONDS`` align right."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    echo: Callable[..., None] = _echo_rich if has_rich_terminal(err=err) else _echo_plain
    echo(head, cells, err=err)


def has_rich_terminal(*, err: bool) -> bool:
    """Tell whether standard output, or standard error, is a terminal, and rich is installed to use it."""
    return is_terminal(sys.stderr if err else sys.stdout) and find_spec("rich") is not None


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether ``stream`` is a terminal; a standard stream may be missing or closed."""
    return stream is not None and not stream.closed and stream.isatty()


def _echo_plain(head: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool) -> None:
    click.echo(columns(head, rows), err=err)


def _echo_rich(head: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool) -> None:
    # rich is an optional dependency.
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=err)
    whole = {name: max(map(len, (name, *cells))) for name, *cells in zip(head, *rows, strict=True) if name in _WHOLE}
    is_narrow = sum(whole.values()) + _PADDING * len(head) > console.width
    table = Table(box=None, pad_edge=False, padding=(0, _PADDING, 0, 0), header_style="bold")
    for name in head:
        is_cut = name not in whole or (is_narrow and name == "RUN")
        table.add_column(name, no_wrap=not is_cut, justify="right" if name == "SECONDS" else "left")
    for row in rows:
        table.add_row(*(_cell(name, cell) for name, cell in zip(head, row, strict=True)))
    console.print(table)


def _cell(name: str, text: str) -> "Text":
    from rich.text import Text

    style = STATUS_STYLES.get(text, "") if name == "STATUS" else ""
    return Text(text, style=style, no_wrap=name not in _WHOLE, overflow="fold" if name in _WHOLE else "ellipsis")
