"""Handlers of logging that their owner adds and removes while other threads may configure logging."""

import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager

# Logging's own lock. `logging.config` holds it while it imports the classes of handlers, and such an import may restore
# handlers: with a second lock, two threads could wait for each other for ever.
LOGGING_LOCK: AbstractContextManager[object] = vars(logging)["_lock"]

# The owned handlers that are added to a logger: one list for the process, like the handlers of `logging`.
_ADDED: list["OwnedHandler"] = []


class OwnedHandler(logging.Handler):
    """A log handler that only its owner adds and removes; `restore_handlers` respects that."""

    def __init__(self, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._loggers: tuple[logging.Logger, ...] = ()

    def add_to(self, loggers: Iterable[logging.Logger]) -> None:
        """Add the handler to loggers."""
        with LOGGING_LOCK:
            self._loggers = tuple(loggers)
            _ADDED.append(self)
            for logger in self._loggers:
                logger.addHandler(self)

    def remove(self) -> None:
        """Remove the handler from the loggers."""
        with LOGGING_LOCK:
            for logger in self._loggers:
                logger.removeHandler(self)
            self._loggers = ()
            if self in _ADDED:
                _ADDED.remove(self)

    def is_added_to(self, logger: logging.Logger) -> bool:
        """Tell whether the owner wants the handler at a logger."""
        return logger in self._loggers


def handle_as_last_resort(record: logging.LogRecord) -> None:
    """Do what logging itself does with a record for which no handler is found."""
    last = logging.lastResort
    if last is not None and record.levelno >= last.level:
        last.handle(record)


def remove_inherited_handlers() -> None:
    """In a forked process: remove the handlers of the parent, whose owners do not exist here."""
    for handler in tuple(_ADDED):
        handler.remove()


def restore_handlers(logger: logging.Logger, former: Iterable[logging.Handler]) -> None:
    """Give a logger the handlers that it had, and close others; owned handlers come and go as their owners say."""
    with LOGGING_LOCK:
        current = list(logger.handlers)
        kept = [found for found in former if not isinstance(found, OwnedHandler) or found.is_added_to(logger)]
        # Also one that was added meanwhile and then cleared by the code whose changes are undone.
        added = [found for found in _ADDED if found.is_added_to(logger)]
        logger.handlers[:] = dict.fromkeys((*kept, *added))
    for handler in current:
        if handler not in logger.handlers and not isinstance(handler, OwnedHandler):
            handler.close()
