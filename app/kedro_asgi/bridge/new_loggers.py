"""A configuration of logging that leaves all loggers alone that are present, and their handlers."""

import logging
import logging.config
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

# Logging's own lock, and what it knows of all handlers.
_LOCK: AbstractContextManager[object] = vars(logging)["_lock"]
_HANDLERS: list[Any] = vars(logging)["_handlerList"]
_NAMES: Any = vars(logging)["_handlers"]


class _ThreadBlocks(threading.local):
    """How many blocks of `new_loggers_only` this thread is in."""

    depth = 0


_BLOCKS = _ThreadBlocks()


@contextmanager
def new_loggers_only() -> Iterator[None]:
    """Let ``logging.config.dictConfig`` configure only new loggers where this thread calls it in the block."""
    # An application may have a class of its own there, which must stay.
    if logging.config.dictConfigClass is logging.config.DictConfigurator:
        logging.config.dictConfigClass = _Configurator
    _BLOCKS.depth += 1
    try:
        yield
    finally:
        _BLOCKS.depth -= 1


class _Configurator(logging.config.DictConfigurator):
    """In other threads and outside of blocks, it configures what it is given."""

    def configure(self) -> None:
        if not _BLOCKS.depth:
            super().configure()
            return
        with _LOCK:
            new = self._pop_new_loggers()
            is_incremental = bool(self.config.get("incremental"))
            needs_handlers = any(isinstance(logger, Mapping) and logger.get("handlers") for logger in new.values())
            if is_incremental or not needs_handlers:
                # A handler of a file would make the file.
                self.config.pop("handlers", None)
            # The standard library closes all handlers of the process first.
            handlers, names = list(_HANDLERS), dict(_NAMES)
            _HANDLERS.clear()
            _NAMES.clear()
            try:
                super().configure()
                for name, logger in new.items():
                    self.configure_logger(name, logger, is_incremental)
            finally:
                _HANDLERS[:0] = handlers
                _NAMES.update(names)

    def _pop_new_loggers(self) -> dict[str, Any]:
        """Remove all loggers from the configuration; return those that the process does not have."""
        present = logging.getLogger().manager.loggerDict
        self.config.pop("root", None)
        self.config["disable_existing_loggers"] = False
        loggers = self.config.pop("loggers", None) or {}
        return {name: loggers[name] for name in loggers if not isinstance(present.get(name), logging.Logger)}
