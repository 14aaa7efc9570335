"""The end of a run on a terminal: a table of its nodes, and the command that goes on after a failure."""

import re
import shlex
import shutil
from collections.abc import Sequence

import click

from kedro_asgi.cli.run_state import NodeRow, RunState
from kedro_asgi.cli.tables import echo_table, seconds_text
from kedro_asgi.failures import nodes_to_resume_from
from kedro_asgi.redaction import names_secret, redact

# The lines of a terminal that the table leaves to the command's last words.
_OTHER_LINES = 8
_MIN_ROWS = 10
_UNSAFE_IN_QUOTES = frozenset('"$`\\!')
# A parameter, as in ``--params key=value,nested.key=value``.
_PAIR = re.compile(r"(?P<name>(?:^|[,=])[\w.]+)=[^,]*")


def echo_summary(state: RunState, *, err: bool, seconds: float | None = None) -> None:
    """Print a table of the nodes; of many nodes, those that did not succeed and those that took longest.

    ``seconds`` is the duration of the run, which is otherwise as long as it is known.
    """
    rows = state.rows
    if not rows:
        return
    most = max(_MIN_ROWS, shutil.get_terminal_size().lines - _OTHER_LINES)
    shown = _most_telling(rows, most)
    cells = [(row.name, row.state, seconds_text(row.seconds), ", ".join(row.saved)) for row in shown]
    click.echo(err=err)
    echo_table(("NODE", "STATUS", "SECONDS", "SAVED"), cells, err=err)
    counts = ", ".join(f"{count} {name}" for name, count in state.counts().items() if count)
    more = f" ({len(rows) - len(shown)} of them not shown)" if len(shown) < len(rows) else ""
    click.echo(
        f"{len(rows)} nodes in {seconds_text(state.seconds if seconds is None else seconds)} s: {counts}{more}\n",
        err=err,
    )


def resume_hint(error: BaseException, *, command: str, arguments: Sequence[str]) -> str:
    """Return the command that goes on where the run ended, as lines to follow a message; nothing if there is none.

    A later ``--from-nodes`` beats an earlier one, so the user's own arguments may stay, but for credentials.
    """
    names = ",".join(nodes_to_resume_from(error))
    if not names:
        return ""
    quoted = shlex.quote(names) if _UNSAFE_IN_QUOTES.intersection(names) else f'"{names}"'
    before = " ".join(filter(None, (command, shlex.join(map(_without_secrets, arguments)))))
    return f"\nGo on from where the run ended:\n  {before} --from-nodes {quoted}"


def _without_secrets(argument: str) -> str:
    """Return an argument for a log that others may read, without credentials in URLs or parameters."""
    return _PAIR.sub(
        lambda pair: f"{pair['name']}=<redacted>" if names_secret(pair["name"]) else pair[0], redact(argument)
    )


def _most_telling(rows: Sequence[NodeRow], most: int) -> list[NodeRow]:
    """Return at most ``most`` rows in their order: failed and stopped nodes, then the longest, then skipped ones."""
    order = {"failure": 0, "cancelled": 1, "success": 2}
    by_weight = sorted(rows, key=lambda row: (order.get(row.state, 3), -(row.seconds or 0)))
    chosen = {row.name for row in by_weight[:most]}
    return [row for row in rows if row.name in chosen]
