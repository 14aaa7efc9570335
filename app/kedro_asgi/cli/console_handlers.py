"""The log handlers that write to the console, changed for as long as a command shows something there."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TextIO

from kedro_asgi.cli.tables import is_terminal

# The tree of nodes and the words after it show these too: which node runs, what it saves, where to go on.
_SHOWN_ROOMS = tuple(f"kedro_asgi.{room}" for room in ("io", "runner", "pipeline", "session", "validation"))
_RESUMING_MODULE = "resuming"

RecordFilter = Callable[[logging.LogRecord], bool]


def is_warning(record: logging.LogRecord) -> bool:
    """Tell whether the level of ``record`` is at least that of a warning."""
    return record.levelno >= logging.WARNING


def is_not_shown_by_tree(record: logging.LogRecord) -> bool:
    """Tell whether ``record`` says more than the tree of a run."""
    is_shown = record.levelno == logging.INFO or record.module == _RESUMING_MODULE
    return not (is_shown and record.name.startswith(_SHOWN_ROOMS))


@contextmanager
def filtered_console(keep: RecordFilter) -> Iterator[None]:
    """Let the handlers of the console write only records that ``keep`` accepts; files get all."""
    handlers = _console_handlers()
    for handler in handlers:
        handler.addFilter(keep)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(keep)


@contextmanager
def console_above(console: Any, stream: TextIO) -> Iterator[None]:
    """Let the handlers that write to a terminal write to ``stream``, or to ``console`` if they need one of rich."""
    with ExitStack() as stack:
        for handler in _console_handlers():
            if hasattr(handler, "console") and handler.console.is_terminal:
                stack.callback(setattr, handler, "console", handler.console)
                handler.console = console
            elif isinstance(handler, logging.StreamHandler) and is_terminal(handler.stream):
                stack.callback(handler.setStream, handler.stream)
                handler.setStream(stream)
        yield


def _console_handlers() -> list[logging.Handler]:
    """Return the handlers of all loggers that write to standard output or standard error."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = {handler for logger in loggers for handler in getattr(logger, "handlers", ())}
    return [handler for handler in handlers if _writes_to_console(handler)]


def _writes_to_console(handler: logging.Handler) -> bool:
    # A handler of rich has a console, which is not imported here: rich is optional.
    streams = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return getattr(handler, "stream", None) in streams or hasattr(handler, "console")
