"""A ``logging.config.dictConfig`` that changes no logger that exists already, and closes no handler."""

import logging
import logging.config
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kedro_asgi.owned_handler import LOGGING_LOCK

# What logging itself knows of all handlers of the process.
_HANDLERS: list[Any] = vars(logging)["_handlerList"]
_HANDLERS_BY_NAME: Any = vars(logging)["_handlers"]


class _ThreadBlocks(threading.local):
    """The loggers that this thread's block of `only_new_loggers` leaves alone; ``None`` outside of one."""

    present: Collection[logging.Logger] | None = None


_BLOCKS = _ThreadBlocks()


@contextmanager
def only_new_loggers(present: Collection[logging.Logger]) -> Iterator[None]:
    """Let ``dictConfig`` configure no logger of ``present`` where this thread calls it in the block."""
    # An application may have a class of its own there, which must stay.
    if logging.config.dictConfigClass is logging.config.DictConfigurator:
        logging.config.dictConfigClass = _Configurator
    before, _BLOCKS.present = _BLOCKS.present, present
    try:
        yield
    finally:
        _BLOCKS.present = before


class _Configurator(logging.config.DictConfigurator):
    """In other threads, and outside of the blocks, it configures all that it is given."""

    def configure(self) -> None:
        if _BLOCKS.present is None:
            super().configure()
            return
        with LOGGING_LOCK:
            new = self._pop_new_loggers(_BLOCKS.present)
            is_incremental = bool(self.config.get("incremental"))
            self._keep_handlers(() if is_incremental else new.values())
            # The standard library enables all loggers that the configuration does not disable.
            disabled = [logger for logger in _BLOCKS.present if logger.disabled]
            # It also first closes and forgets all handlers that it finds here.
            handlers, by_name = list(_HANDLERS), dict(_HANDLERS_BY_NAME.items())
            _HANDLERS.clear()
            _HANDLERS_BY_NAME.clear()
            try:
                super().configure()
                # The standard library would also reset the present children of a new logger.
                for name, config in new.items():
                    self._configure_new_logger(name, config, is_incremental=is_incremental)
            finally:
                _HANDLERS[:0] = handlers
                _HANDLERS_BY_NAME.update(by_name)
                for logger in disabled:
                    logger.disabled = True

    def _pop_new_loggers(self, present: Collection[logging.Logger]) -> dict[str, Any]:
        """Remove all loggers from the configuration; return those that it may configure."""
        self.config.pop("root", None)
        self.config["disable_existing_loggers"] = False
        loggers = self.config.pop("loggers", None) or {}
        return {name: loggers[name] for name in loggers if logging.getLogger(name) not in present}

    def _keep_handlers(self, loggers: Iterable[Any]) -> None:
        """Remove the handlers that these loggers do not use.

        No code would close them, and a file handler would create its file.
        """
        handlers = self.config.pop("handlers", None) or {}
        wanted = [name for logger in loggers if isinstance(logger, Mapping) for name in logger.get("handlers") or ()]
        self.config["handlers"] = kept = {}
        while wanted:
            name = wanted.pop()
            if name in handlers and name not in kept:
                kept[name] = handlers[name]
                # A handler may pass records on to others.
                wanted += filter(None, (kept[name].get("target"), *(kept[name].get("handlers") or ())))

    def _configure_new_logger(self, name: str, config: Any, *, is_incremental: bool) -> None:
        try:
            self.configure_logger(name, config, is_incremental)
        except Exception as error:
            # As the standard library says it.
            raise ValueError(f"Unable to configure logger {name!r}") from error
