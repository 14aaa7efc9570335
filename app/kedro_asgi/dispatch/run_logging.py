"""Log lines find their run: through a context variable, which threads of the run inherit."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kedro_asgi.dispatch.life import Life
from kedro_asgi.encoding import escape_surrogates
from kedro_asgi.events import LogLine
from kedro_asgi.redaction import redact

CURRENT: ContextVar[Life | None] = ContextVar("kedro_asgi_run", default=None)

_MAX_CHARACTERS = 8192
# What is said about a run as a whole is in its record.
_OURS = "kedro_asgi.dispatch"


class RunLogHandler(logging.Handler):
    """Turns the lines that code of a run logs into events of that run."""

    def emit(self, record: logging.LogRecord) -> None:
        life = CURRENT.get()
        if life is not None and not record.name.startswith(_OURS):
            try:
                life.emit(_line(life.record.run_id, record))
            except Exception:
                self.handleError(record)


class _Fallback(logging.Handler):
    """Does for a root logger without handlers what logging itself would do: ours must not silence it."""

    def emit(self, record: logging.LogRecord) -> None:
        if logging.lastResort is not None and record.levelno >= logging.lastResort.level:
            logging.lastResort.handle(record)


@contextmanager
def attached(level: str) -> Iterator[None]:
    """Collect lines at or above ``level`` while this block lasts, as far as the loggers' own levels let them pass."""
    handlers: list[logging.Handler] = [RunLogHandler(level)]
    root = logging.getLogger()
    known = root.manager.loggerDict.values()
    # What such loggers log does not reach the root.
    apart = [found for found in known if isinstance(found, logging.Logger) and not found.propagate]
    loggers = [root, *apart]
    if not root.handlers:
        root.addHandler(fallback := _Fallback())
        handlers.append(fallback)
    for logger in loggers:
        logger.addHandler(handlers[0])
    try:
        yield
    finally:
        for logger in loggers:
            for handler in handlers:
                logger.removeHandler(handler)


def _line(run_id: str, record: logging.LogRecord) -> LogLine:
    message = record.getMessage()
    if record.exc_info is not None and record.exc_info[1] is not None:
        message = f"{message} ({type(record.exc_info[1]).__name__}: {record.exc_info[1]})"
    shown = escape_surrogates(redact(message[:_MAX_CHARACTERS]))
    return LogLine(run_id=run_id, level=record.levelname, logger=record.name, message=shown)
