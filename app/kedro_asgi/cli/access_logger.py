"""The lines of requests, with their parts as facts where the server gives requests facts."""

import logging
from time import perf_counter
from typing import Any

from kedro_asgi.current_request import CURRENT_REQUEST
from kedro_asgi.log_lines import LineLogger
from kedro_asgi.run_context import current_facts, line_facts


class AccessLogger(LineLogger):
    """Logs the lines that uvicorn makes when answers begin, from client, method, path, version and status."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logger)
        self._access = logger

    def info(self, text: str, *args: Any) -> None:
        """Log a line at level INFO."""
        request = CURRENT_REQUEST.get()
        if request is None:
            super().info(text, *args)
            return
        client, method, path, _, status = args
        facts = line_facts(current_facts())
        facts |= {"client": client, "method": method, "path": path, "route": request.route, "status": status}
        facts["duration_ms"] = round((perf_counter() - request.started) * 1000, 3)
        if self._access.isEnabledFor(logging.INFO) and not self.take(logging.INFO, text, args, facts):
            self._access.info(text, *args, stacklevel=2, extra=facts)
