"""Logging for threads and tasks that no error of a project's handler may end."""

import logging
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

from kedro_asgi.log_lines import LineLogger


class SafeLogger(logging.LoggerAdapter[logging.Logger]):
    """Logs like ``logging.getLogger(name)``; an error of a handler is printed and not raised."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name))
        self._lines = LineLogger(self.logger)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs

    def log_line(self, level: int, text: str, *args: object, facts: Mapping[str, Any]) -> None:
        """Log a line about a run, whose arguments are texts and numbers."""
        if self.isEnabledFor(level) and not self._lines.take(level, text, args, facts):
            self.log(level, text, *args, stacklevel=3, extra=facts)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        try:
            # The line is the caller's and not this one.
            super().log(level, msg, *args, **{**kwargs, "stacklevel": kwargs.get("stacklevel", 1) + 1})
        except Exception:
            # As logging itself does with the errors of a handler.
            traceback.print_exc()
