"""Log in this process what nodes log in worker processes, like the records of all other nodes."""

import logging
import os
from collections.abc import Callable
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any

from kedro_asgi.log_lines import exception_facts, message_of
from kedro_asgi.owned_handler import remove_inherited_handlers
from kedro_asgi.runner.messages import LogMessage
from kedro_asgi.trace_context import current_trace_ids

_FORMAT_VARIABLE = "KEDRO_SERVER_LOG_FORMAT"

SendLog = Callable[[LogMessage], None]


def forward_logs(send: SendLog) -> None:
    """In a worker process: send all records to the parent, and log nowhere else."""
    remove_inherited_handlers()
    inherited = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    for logger in inherited:
        logger.handlers.clear()
        logger.propagate = True
    logging.root.handlers[:] = [ForwardingHandler(send)]
    # A server that writes JSON writes warnings as such, too.
    logging.captureWarnings(os.environ.get(_FORMAT_VARIABLE) == "json")


def log_here(message: LogMessage) -> None:
    """In the parent: log a record as if it had been logged here."""
    logger = logging.getLogger(message.record.name)
    if logger.isEnabledFor(message.record.levelno):
        logger.handle(message.record)


class ForwardingHandler(QueueHandler):
    """Makes records picklable, as for a queue, and sends them."""

    def __init__(self, send: SendLog) -> None:
        super().__init__(SimpleQueue())
        self._send = send

    def prepare(self, record: logging.LogRecord) -> Any:
        """Return a record that can be pickled, with the facts that only this process knows."""
        record.msg, record.args = message_of(record), None
        prepared = super().prepare(record)
        if record.exc_info and record.exc_info[1] is not None:
            prepared.exception = exception_facts(record.exc_info[1])
        # The span may be one of the user's code.
        if (ids := current_trace_ids()) is not None:
            prepared.trace_id, prepared.span_id = ids
        return prepared

    def enqueue(self, record: logging.LogRecord) -> None:
        self._send(LogMessage(record=record))
