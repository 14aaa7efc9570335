"""Kedro configures logging when it is imported and when a project is configured; here that is taken back (Q-4)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec


@contextmanager
def logging_left_alone() -> Iterator[None]:
    """Put back handlers, levels and ways up of the loggers that are known, whatever is imported meanwhile."""
    root = logging.getLogger()
    known = [found for found in root.manager.loggerDict.values() if isinstance(found, logging.Logger)]
    states = [_State.of(logger) for logger in (root, *known)]
    try:
        yield
    finally:
        for state in states:
            state.restore()


class _State(msgspec.Struct, frozen=True, eq=False):
    """What configuring logging changes of a logger: one that keeps lines from the root would lose its own handlers."""

    logger: logging.Logger
    handlers: list[logging.Handler]
    level: int
    propagate: bool
    is_disabled: bool

    @classmethod
    def of(cls, logger: logging.Logger) -> "_State":
        return cls(logger, list(logger.handlers), logger.level, logger.propagate, logger.disabled)

    def restore(self) -> None:
        logger = self.logger
        for handler in logger.handlers:
            if handler not in self.handlers:
                handler.close()
        logger.handlers[:] = self.handlers
        logger.setLevel(self.level)
        logger.propagate = self.propagate
        logger.disabled = self.is_disabled
