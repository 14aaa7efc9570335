"""The replies of a run in another process, and the end of a run whose order cannot go there."""

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from logging import LogRecord

from kedro_asgi.dispatch.executors.message_pickle import encode_message
from kedro_asgi.errors import UnsendableValueError
from kedro_asgi.events import Emit, Event, NodeCancelled, NodeFailed, NodeFinished, NodeRetried, NodeStarted
from kedro_asgi.runner.messages import LogMessage
from kedro_asgi.runner.worker_logs import log_here
from kedro_asgi.runs import RunId, RunSpec


class NodesAtWork:
    """The nodes of a run that have started and not ended, by its events."""

    def __init__(self) -> None:
        self._nodes: dict[str, Event] = {}

    @property
    def first(self) -> str | None:
        """The node that has been at work for the longest time."""
        return next(iter(self._nodes), None)

    def note(self, event: Event) -> None:
        """Take notice of an event of the run."""
        match event:
            case NodeStarted(node=node):
                self._nodes[node] = event
            case NodeFinished(node=node) | NodeRetried(node=node) | NodeFailed(node=node) | NodeCancelled(node=node):
                self._nodes.pop(node, None)

    def end(self, run_id: RunId, emit: Emit, *, is_cancelled: bool) -> None:
        """Emit the ends of nodes that were killed or interrupted."""
        kind = NodeCancelled if is_cancelled else NodeFailed
        for node, event in self._nodes.items():
            took = round((datetime.now(UTC) - event.at).total_seconds() * 1000, 2)
            emit(kind(run_id=run_id, node=node, duration_ms=took))


def log_safely(record: LogRecord) -> None:
    """Log a record of the other process here; an error of a handler is printed, as logging itself does."""
    try:
        log_here(LogMessage(record=record))
    except Exception:
        traceback.print_exc()


def unsendable_error(read_spec: Callable[[], RunSpec], problem: Exception) -> Exception:
    """Return an error that names the input or the parameter that cannot be pickled; or the one of reading the order."""
    try:
        spec = read_spec()
    except Exception as error:
        return error
    for what, values in (("Input", spec.inputs), ("Parameter", spec.runtime_params)):
        for name, value in values.items():
            try:
                encode_message(value)
            except Exception as error:
                return UnsendableValueError(f"{what} '{name}' ({type(value).__qualname__})", str(error))
    return UnsendableValueError("The order of the run", str(problem))
