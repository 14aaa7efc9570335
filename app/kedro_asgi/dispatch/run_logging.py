"""Log lines become events of their run, which they find by a context variable that the run's threads inherit."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kedro_asgi.events import Emit, LogLine
from kedro_asgi.failures import shown
from kedro_asgi.log_lines import Line, TakesLines, message_of
from kedro_asgi.owned_handler import OwnedHandler, handle_as_last_resort
from kedro_asgi.run_context import CURRENT_NODE
from kedro_asgi.runs import RunId

# Lines that are logged in a context become events of this run.
LINE_EMITTER: ContextVar[tuple[RunId, Emit] | None] = ContextVar("kedro_asgi_run", default=None)

# The record of a run has what this package logs about the run as a whole.
_OURS = "kedro_asgi.dispatch"


class RunLogHandler(TakesLines, OwnedHandler):
    """Turns the lines that code of a run logs into events of that run."""

    def takes_lines_of(self, logger: str) -> bool:
        return logger.startswith(_OURS) or LINE_EMITTER.get() is None

    def take(self, line: Line) -> None:
        """Do nothing: the lines that this handler takes are not those of a run's code."""

    def emit(self, record: logging.LogRecord) -> None:
        current = LINE_EMITTER.get()
        if current is not None and not record.name.startswith(_OURS):
            run_id, emit = current
            try:
                emit(_line(run_id, record))
            except Exception:
                self.handleError(record)


class _Fallback(OwnedHandler):
    """Does what logging itself does for a root logger without handlers, which our handler would keep it from."""

    def emit(self, record: logging.LogRecord) -> None:
        if all(isinstance(handler, OwnedHandler) for handler in logging.getLogger().handlers):
            handle_as_last_resort(record)


@contextmanager
def logs_collected(level: str) -> Iterator[None]:
    """Collect lines at or above ``level`` while this block lasts, as far as the loggers' own levels let them pass."""
    root = logging.getLogger()
    known = root.manager.loggerDict.copy().values()
    # Lines of these loggers do not reach the root.
    apart = [found for found in known if isinstance(found, logging.Logger) and not found.propagate]
    # Lines below its level are none of its business, and need no record for it.
    handler, fallback = RunLogHandler(level), _Fallback(logging.WARNING)
    fallback.add_to([root])
    handler.add_to([root, *apart])
    try:
        yield
    finally:
        handler.remove()
        fallback.remove()


def _line(run_id: str, record: logging.LogRecord) -> LogLine:
    message = message_of(record)
    if record.exc_info is not None and record.exc_info[1] is not None:
        message = f"{message} ({type(record.exc_info[1]).__name__}: {record.exc_info[1]})"
    return LogLine(
        run_id=run_id, level=record.levelname, logger=record.name, message=shown(message), node=CURRENT_NODE.get()
    )
