"""Lines that nodes log in other processes are logged in this one, as those of all other nodes."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from logging.handlers import QueueHandler
from queue import SimpleQueue

from kedro_asgi.runner.messages import Said

Say = Callable[[Said], None]


def log_levels() -> dict[str, int]:
    """Return the levels that were set in this process, by the names of their loggers; the root's is ``""``."""
    known = list(logging.root.manager.loggerDict.items())
    named = {name: logger.level for name, logger in known if isinstance(logger, logging.Logger) and logger.level}
    return {"": logging.root.level, **named}


@contextmanager
def logs_sent(say: Say, levels: Mapping[str, int]) -> Iterator[None]:
    """In a worker process: say what is logged at ``levels``, and log nowhere else."""
    inherited = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    for logger in inherited:
        logger.handlers.clear()
        logger.propagate = True
    logging.root.handlers[:] = [_Sending(say)]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    yield


def retell(said: Said) -> None:
    """In the parent: log a line as if it had been logged here."""
    logger = logging.getLogger(said.record.name)
    if logger.isEnabledFor(said.record.levelno):
        logger.handle(said.record)


class _Sending(QueueHandler):
    """Makes records fit to be sent, as for a queue."""

    def __init__(self, say: Say) -> None:
        super().__init__(SimpleQueue())
        self._say = say

    def enqueue(self, record: logging.LogRecord) -> None:
        self._say(Said(record=record))
