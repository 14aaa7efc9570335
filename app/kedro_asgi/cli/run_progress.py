"""How a command shows the progress of a run: live, in plain lines, or not at all."""

import os
from contextlib import AbstractContextManager, nullcontext, suppress

import click

from kedro_asgi.cli.run_state import RunState
from kedro_asgi.cli.tables import has_rich_terminal
from kedro_asgi.errors.wording import indented, one_line
from kedro_asgi.events import (
    DatasetSaved,
    Event,
    EventsLost,
    LogLine,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    RunBatched,
    RunRetried,
)


class RunProgress:
    """Takes the events of one run, and prints a line for some of them.

    ``err`` selects standard error. `shown` is entered around the run. `emit` may be called by any thread and does not
    raise.
    """

    def __init__(self, state: RunState, *, err: bool) -> None:
        self.state = state
        self._err = err

    def shown(self) -> AbstractContextManager[object]:
        """Return the context in which the run is shown."""
        return nullcontext()

    def emit(self, event: Event) -> None:
        """Take in and show one event."""
        self.state.note(event)
        if line := event_line(event):
            # The reader of a pipe may be gone, and a node may have closed the stream: the run goes on.
            with suppress(OSError, ValueError):
                click.echo(line, err=self._err)


class HiddenProgress(RunProgress):
    """Takes the events, and prints nothing."""

    def emit(self, event: Event) -> None:
        self.state.note(event)


def is_live(*, err: bool) -> bool:
    """Tell whether a live display is possible and wanted: on a terminal that can move its cursor, and not in CI."""
    is_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return has_rich_terminal(err=err) and not is_ci and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def choose_progress(state: RunState, *, title: str, err: bool, is_quiet: bool = False) -> RunProgress:
    """Return the way to show a run that fits the options, the stream and what is installed."""
    if is_quiet:
        return HiddenProgress(state, err=err)
    if not is_live(err=err):
        return RunProgress(state, err=err)
    # rich is an optional dependency.
    from kedro_asgi.cli.live_progress import LiveProgress

    return LiveProgress(state, title=title, err=err)


def event_line(event: Event) -> str:
    """Return one line about an event; nothing for an event that needs none."""
    match event:
        case NodeFinished(node=node, duration_ms=duration_ms):
            return f"{one_line(node)}: done in {duration_ms / 1000:.3f} s"
        case NodeFailed(node=node, duration_ms=duration_ms):
            return f"{one_line(node)}: failed after {duration_ms / 1000:.3f} s"
        case NodeRetried(node=node, attempt=attempt, error=error, delay_seconds=delay):
            return f"{one_line(node)}: attempt {attempt} failed with {one_line(error.type)}, the next in {delay:g} s"
        case RunRetried(attempt=attempt, error=error, delay_seconds=delay):
            return f"attempt {attempt} of the run failed with {one_line(error.type)}, the next in {delay:g} s"
        case RunBatched(batch_id=batch_id, runs=runs, rows=rows):
            return f"executed with others: {runs} runs, {rows} rows (batch {one_line(batch_id)})"
        case NodeCancelled(node=node):
            return f"{one_line(node)}: stopped"
        case DatasetSaved(dataset=dataset, is_kept=True):
            return f"{one_line(dataset)}: saved"
        case LogLine() | EventsLost():
            return message_line(event)
    return ""


def message_line(event: LogLine | EventsLost) -> str:
    """Return the text of a log line, or how many events were lost."""
    match event:
        case LogLine(level=level, logger=logger, message=message):
            return f"{level} {logger}: {indented(message)}"
        case EventsLost(count=count):
            return f"({count} events were lost because this client was too slow)"
