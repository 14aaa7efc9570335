"""Log lines that skip `logging.LogRecord` where every handler can take them."""

import logging
import time
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from kedro_asgi.current_request import CURRENT_REQUEST
from kedro_asgi.errors import describe_error
from kedro_asgi.run_context import CURRENT_RUN, RunContextFilter, current_facts, line_facts

LogFormat = Literal["text", "json"]


class Line(msgspec.Struct, frozen=True, gc=False):
    """The parts of a line that a formatter writes; ``facts`` are those of `run_facts` or of a request, or none."""

    created: float
    level: int
    logger: str
    text: str
    args: tuple[Any, ...]
    facts: Mapping[str, Any]

    def message(self) -> str:
        """Return the text with its arguments in it."""
        return self.text % self.args


class TakesLines:
    """A handler that takes lines as well as records."""

    def takes_lines_of(self, logger: str) -> bool:
        """Tell whether the handler takes the lines of that logger at this moment."""
        raise NotImplementedError

    def take(self, line: Line) -> None:
        """Do with a line what the handler does with a record; raises nothing."""
        raise NotImplementedError


class LineLogger:
    """Logs lines whose arguments are texts and numbers.

    A record and its way through filters and handlers takes 10 µs of a caller that logs two lines for each run; a line
    takes 2. Any handler, filter or factory of records that a project adds gets records, as always.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def info(self, text: str, *args: Any) -> None:
        """Log a line at level INFO."""
        if self._logger.isEnabledFor(logging.INFO) and not self.take(logging.INFO, text, args):
            self._logger.info(text, *args, stacklevel=2)

    def hasHandlers(self) -> bool:
        """Tell whether any handler listens."""
        return self._logger.hasHandlers()

    def take(self, level: int, text: str, args: tuple[Any, ...], facts: Mapping[str, Any] | None = None) -> bool:
        """Hand a line of an enabled level to the handlers, if all of them take lines; tell whether they do."""
        if facts is None and CURRENT_RUN.get() is not None:
            return False
        if facts is None and CURRENT_REQUEST.get() is not None:
            facts = line_facts(current_facts())
        takers = self._takers(level)
        if takers is None:
            return False
        line = Line(time.time(), level, self._logger.name, text, args, facts or {})
        for taker in takers:
            taker.take(line)
        return True

    def _takers(self, level: int) -> list[TakesLines] | None:
        """Return the handlers of that level; ``None`` if there is none, or if one of them wants records."""
        if self._logger.filters or logging.getLogRecordFactory() is not logging.LogRecord:
            return None
        takers: list[TakesLines] = []
        logger: logging.Logger | None = self._logger
        while logger is not None:
            for handler in logger.handlers:
                if level >= handler.level:
                    if not (isinstance(handler, TakesLines) and handler.takes_lines_of(self._logger.name)):
                        return None
                    takers.append(handler)
            logger = logger.parent if logger.propagate else None
        return takers or None


def names_runs_only(filters: list[Any]) -> bool:
    """Tell whether filters do nothing but name the run of a record, which a line does itself."""
    return all(type(each) is RunContextFilter for each in filters)


def exception_facts(error: BaseException) -> dict[str, str]:
    """Return what a line of JSON says of an error."""
    kind, message = describe_error(error)
    stack = logging.Formatter().formatException((type(error), error, error.__traceback__))
    return {"type": kind, "message": message, "stack": stack}


def message_of(record: logging.LogRecord) -> str:
    """Return the message of a record; where its arguments do not fit, its parts: a line that is wrong is not lost."""
    try:
        return record.getMessage()
    except Exception as error:  # whatever the arguments raise
        return f"{record.msg!s} (its arguments do not fit: {type(error).__name__})"
