"""The state of this process that functions of nodes may rely on; it travels with each call to a worker process."""

import locale
import logging
import os
import sys
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from operator import attrgetter
from typing import Any, Self, cast

from msgspec import UNSET, UnsetType

from kedro_asgi.runner.portable_struct import PortableStruct
from kedro_asgi.trace_context import TraceHeaders, current_trace_headers


class WarningFilter(PortableStruct, frozen=True, kw_only=True, eq=True):
    """The arguments of ``warnings.filterwarnings``; the category by name, so that no process imports its module."""

    action: str
    message: str
    category: tuple[str, str]
    module: str
    line: int


class ProcessState(PortableStruct, frozen=True, kw_only=True, eq=True):
    """Environment variables, working folder, import path, locale, recursion limit, log levels, warnings, span."""

    environ: Mapping[str, str]
    folder: str | None
    path: tuple[str, ...]
    locale: str
    recursion_limit: int
    log_levels: Mapping[str, int]
    disabled_log_level: int
    warning_filters: tuple[WarningFilter, ...]
    trace_context: TraceHeaders | UnsetType = UNSET

    @classmethod
    def current(cls) -> Self:
        """Return the state of this process at this moment."""
        return cls(
            environ=_environ(),
            folder=_working_folder(),
            path=tuple(sys.path),
            locale=locale.setlocale(locale.LC_ALL),
            recursion_limit=sys.getrecursionlimit(),
            log_levels=log_levels(),
            disabled_log_level=logging.root.manager.disable,
            warning_filters=tuple(map(_described, warnings.filters)),
            trace_context=current_trace_headers(),
        )

    def apply(self) -> None:
        """Give this process the state, whatever functions did to it before, but for its filters of warnings."""
        _set_environ(self.environ)
        if self.folder is not None and self.folder != _working_folder():
            with suppress(OSError):  # the folder may be gone by now
                os.chdir(self.folder)
        if tuple(sys.path) != self.path:
            sys.path[:] = self.path
        if self.locale != locale.setlocale(locale.LC_ALL):
            locale.setlocale(locale.LC_ALL, self.locale)
        if self.recursion_limit != sys.getrecursionlimit():
            sys.setrecursionlimit(self.recursion_limit)
        _set_log_levels(self.log_levels)
        if self.disabled_log_level != logging.root.manager.disable:
            logging.disable(self.disabled_log_level)

    def filter_warnings(self) -> None:
        """Set the filters of warnings, but for those of classes whose modules this process has not imported."""
        known = [(item, category) for item in self.warning_filters if (category := _category(*item.category))]
        if [item for item, _ in known] == list(map(_described, warnings.filters)):
            return
        warnings.resetwarnings()
        for item, category in known:
            warnings.filterwarnings(
                cast("Any", item.action), item.message, category, item.module, item.line, append=True
            )


def _working_folder() -> str | None:
    """Return the working folder, ``None`` if it was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _environ() -> dict[str, str]:
    """Return the environment variables; another thread, such as one of a hook, may delete some meanwhile."""
    return {name: value for name in os.environ if (value := os.environ.get(name)) is not None}


def _set_environ(environ: Mapping[str, str]) -> None:
    zone = os.environ.get("TZ")
    for name in os.environ.keys() - environ.keys():
        del os.environ[name]
    for name, value in environ.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if os.environ.get("TZ") != zone and hasattr(time, "tzset"):
        time.tzset()


def log_levels() -> dict[str, int]:
    """Return the levels that were set in this process, by the names of their loggers; the root's is ``""``."""
    known = list(logging.root.manager.loggerDict.items())
    named = {name: logger.level for name, logger in known if isinstance(logger, logging.Logger) and logger.level}
    return {"": logging.root.level, **named}


def log_at_least(levels: Mapping[str, int]) -> None:
    """Log here what a sender with these levels logs, and no less than before.

    Other senders may want more lines, and each leaves out what it does not log.
    """
    for name, level in levels.items():
        logger = logging.getLogger(name)
        if level and (logger.level == logging.NOTSET or level < logger.level):
            logger.setLevel(level)


def _set_log_levels(levels: Mapping[str, int]) -> None:
    present = log_levels()
    for name in present.keys() | levels.keys():
        level = levels.get(name, logging.NOTSET)
        if level != present.get(name, logging.NOTSET):
            logging.getLogger(name).setLevel(level)


def _described(given: tuple[Any, ...]) -> WarningFilter:
    action, message, category, module, line = given
    return WarningFilter(
        action=action,
        message=_text(message),
        category=(category.__module__, category.__qualname__),
        module=_text(module),
        line=line,
    )


def _text(pattern: Any) -> str:
    """Return the text of a pattern; Python has its own filters as texts, or as ``None`` for any."""
    return str(getattr(pattern, "pattern", pattern or ""))


def _category(module: str, name: str) -> type[Warning] | None:
    """Return a class of warnings, if this process knows it."""
    try:
        return cast("type[Warning]", attrgetter(name)(sys.modules[module]))
    except (KeyError, AttributeError):
        return None
