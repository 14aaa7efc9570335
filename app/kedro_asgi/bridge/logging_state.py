"""Kedro configures logging when it is imported and when a project is configured; this undoes it (Q-4)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from kedro_asgi.owned_handler import restore_handlers


@contextmanager
def preserve_logging() -> Iterator[None]:
    """Restore handlers, levels and propagation of all present loggers when the block ends."""
    root = logging.getLogger()
    loggers = [found for found in root.manager.loggerDict.copy().values() if isinstance(found, logging.Logger)]
    states = [_LoggerState.of(logger) for logger in (root, *loggers)]
    try:
        yield
    finally:
        for state in states:
            state.restore()


class _LoggerState(msgspec.Struct, frozen=True, eq=False):
    """All that a logging configuration may change of a logger."""

    logger: logging.Logger
    handlers: list[logging.Handler]
    level: int
    propagate: bool
    is_disabled: bool

    @classmethod
    def of(cls, logger: logging.Logger) -> "_LoggerState":
        return cls(logger, list(logger.handlers), logger.level, logger.propagate, logger.disabled)

    def restore(self) -> None:
        logger = self.logger
        restore_handlers(logger, self.handlers)
        if logger.level != self.level:
            # It empties the caches of all loggers, and there may be hundreds.
            logger.setLevel(self.level)
        logger.propagate = self.propagate
        logger.disabled = self.is_disabled
