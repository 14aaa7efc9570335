"""Kedro configures logging when it is imported and when a project is configured; the application's stays (Q-4)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from kedro_asgi.bridge.logging_configurator import only_new_loggers
from kedro_asgi.owned_handler import restore_handlers


@contextmanager
def preserve_logging() -> Iterator[None]:
    """Keep handlers, levels and propagation of all loggers that are present.

    ``logging.config.dictConfig`` does not change them in this block, so that no line of another thread is lost
    meanwhile. What the block's code changes in another way, or by a ``dictConfigClass`` of the application's own, is
    undone when the block ends.
    """
    root = logging.getLogger()
    known = root.manager.loggerDict.copy().values()
    loggers = {root, *(found for found in known if isinstance(found, logging.Logger))}
    states = [_LoggerState.of(logger) for logger in loggers]
    try:
        with only_new_loggers(loggers):
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
