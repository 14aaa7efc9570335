"""A log line for each request that was refused, and for each that may have changed something."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable
from contextlib import suppress
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.log_lines import LineLogger
from kedro_asgi.server.access.caller import CALLER_KEY

_log = logging.getLogger("kedro_asgi.audit")
_lines = LineLogger(_log)

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_LOGGED = "kedro_asgi.is_logged"
_AUDIT = "kedro_asgi.audit"
# A path is as long as its caller makes it.
_MAX_PATH = 500
_MAX_LINES, _WINDOW_SECONDS = 20, 1.0

# The name of the caller, the address of the client, the method and the path, as they came.
_Facts = tuple[str, str, str, str]


def log_refusal(scope: Scope, *, status: int, reason: str) -> None:
    """Log that a request was refused."""
    scope[_LOGGED] = True
    _log.warning("'%s' from %s: %s %s: refused with %d (%s)", *_shown(_facts(scope)), status, reason)


def log_failure(scope: Scope) -> None:
    """Log a change that the server failed to answer, which is answered outside of the middleware."""
    audit: AuditLog | None = scope.get(_AUDIT)
    if audit is not None:
        audit.log_change(scope, 500)


def leave_to_route(scope: Scope) -> None:
    """Log nothing of a request but what its route logs by `log_call`."""
    scope[_LOGGED] = True


def log_call(scope: Scope, what: str, status: int) -> None:
    """Log what a request asks of a route that does several things, below the path of the route."""
    audit: AuditLog | None = scope.get(_AUDIT)
    if audit is not None:
        facts = {name: value for name, value in scope.items() if name != _LOGGED}
        audit.log_change({**facts, "path": f"{scope['path']}/{what}"}, status)


class AuditLog:
    """Logs changes, up to 20 lines a second; further ones that say the same become one line with their number.

    A line takes 3 % of a short run, and to count one less than 1 %.
    """

    def __init__(self) -> None:
        self._left = _MAX_LINES
        self._ends_at = 0.0
        # The event loop appends, and the timer's thread counts: both need no lock.
        self._waiting: deque[tuple[_Facts, int]] = deque()
        self._has_timer = False

    def log_change(self, scope: Scope, status: int) -> None:
        """Log a request that may have changed something, unless a line tells of it already."""
        if _LOGGED in scope:
            return
        now = time.monotonic()
        if now >= self._ends_at:
            self._left, self._ends_at = _MAX_LINES, now + _WINDOW_SECONDS
        if self._left:
            self._left -= 1
            _lines.info("'%s' from %s: %s %s: %d", *_shown(_facts(scope)), status)
            return
        self._waiting.append((_facts(scope), status))
        if not self._has_timer:
            self._has_timer = True
            timer = threading.Timer(_WINDOW_SECONDS, self.write_counts)
            timer.daemon = True
            timer.start()

    def write_counts(self) -> None:
        """Log what was counted; thread-safe."""
        # Before the count, so that what comes meanwhile gets a timer of its own.
        self._has_timer = False
        taken = []
        with suppress(IndexError):
            while True:
                taken.append(self._waiting.popleft())
        for (facts, status), count in Counter(taken).items():
            _lines.info("'%s' from %s: %s %s: %d (%d times)", *_shown(facts), status, count)


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
    caller, client = scope.get(CALLER_KEY), scope.get("client")
    name = "unknown" if caller is None else caller.name
    return name, client[0] if client else "unknown", scope.get("method", "WEBSOCKET"), scope["path"]


def _shown(facts: _Facts) -> _Facts:
    """Return facts with the path encoded: a line break in it must not begin a line of the log."""
    name, address, method, path = facts
    return name, address, method, quote(path, errors="backslashreplace")[:_MAX_PATH]
