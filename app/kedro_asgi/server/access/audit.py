"""A log line for each request that was refused, and for each that may have changed something."""

import logging
import re
import threading
import time
from collections.abc import Awaitable
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.log_lines import LineLogger
from kedro_asgi.server.access.caller import caller_of

_log = logging.getLogger("kedro_asgi.audit")
_lines = LineLogger(_log)

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_REFUSED = "kedro_asgi.is_refused"
_AUDIT = "kedro_asgi.audit"
_PLAIN = re.compile(r"[A-Za-z0-9/._-]{0,200}").fullmatch
# A path is as long as its caller makes it.
_MAX_PATH = 500
_MAX_LINES, _WINDOW_SECONDS = 20, 1.0

_Facts = tuple[str, str, str, str]


def log_refusal(scope: Scope, *, status: int, reason: str) -> None:
    """Log that a request was refused."""
    scope[_REFUSED] = True
    _log.warning("'%s' from %s: %s %s: refused with %d (%s)", *_facts(scope), status, reason)


def log_failure(scope: Scope) -> None:
    """Log a change that the server failed to answer, which is answered outside of the middleware."""
    audit: AuditLog | None = scope.get(_AUDIT)
    if audit is not None:
        audit.log_change(scope, 500)


class AuditLog:
    """Logs changes, up to 20 lines a second; further ones that say the same become one line with their number.

    A line takes 3 % of a short run, and to count one less than 1 %.
    """

    def __init__(self) -> None:
        self._left = _MAX_LINES
        self._ends_at = 0.0
        self._counts: dict[tuple[_Facts, int], int] = {}
        # The timer's thread writes what the event loop has counted.
        self._lock = threading.Lock()

    def log_change(self, scope: Scope, status: int) -> None:
        """Log a request that may have changed something, unless it was refused."""
        if _REFUSED in scope:
            return
        now = time.monotonic()
        if now >= self._ends_at:
            self._left, self._ends_at = _MAX_LINES, now + _WINDOW_SECONDS
        if self._left:
            self._left -= 1
            _lines.info("'%s' from %s: %s %s: %d", *_facts(scope), status)
            return
        key = (_facts(scope), status)
        with self._lock:
            if not self._counts:
                timer = threading.Timer(_WINDOW_SECONDS, self.write_counts)
                timer.daemon = True
                timer.start()
            self._counts[key] = self._counts.get(key, 0) + 1

    def write_counts(self) -> None:
        """Log what was counted; thread-safe."""
        with self._lock:
            counts, self._counts = self._counts, {}
        for (facts, status), count in counts.items():
            _lines.info("'%s' from %s: %s %s: %d (%d times)", *facts, status, count)


class AuditMiddleware:
    """Logs each request that may change something, when its answer begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = AuditLog()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on; not as a coroutine, which would be one more for each request."""
        if scope["type"] != "http":
            return self._call(scope, receive, send)
        if scope["method"] in SAFE_METHODS:
            return self._app(scope, receive, send)
        audit = scope[_AUDIT] = self._log

        def note(message: Message) -> Awaitable[None]:
            if "status" in message:
                audit.log_change(scope, message["status"])
            return send(message)

        return self._app(scope, receive, note)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the lifespan on; nothing that was counted is lost at its end."""
        try:
            await self._app(scope, receive, send)
        finally:
            self._log.write_counts()


def _facts(scope: Scope) -> _Facts:
    """Return the name of the caller, its address, the method and the path."""
    caller, client, path = caller_of(scope), scope.get("client"), scope["path"]
    # Encoded: a line break in a path must not begin a line of the log.
    if not _PLAIN(path):
        path = quote(path, errors="backslashreplace")[:_MAX_PATH]
    name, address = "unknown" if caller is None else caller.name, client[0] if client else "unknown"
    return name, address, scope.get("method", "WEBSOCKET"), path
