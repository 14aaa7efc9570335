"""One log line for each request that was refused, and for each that may have changed something."""

import logging
import re
from collections.abc import Awaitable
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.log_lines import LineLogger
from kedro_asgi.server.access.caller import caller_of

_log = logging.getLogger("kedro_asgi.audit")
_lines = LineLogger(_log)

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_REFUSED = "kedro_asgi.is_refused"
_PLAIN = re.compile(r"[A-Za-z0-9/._-]{0,200}").fullmatch
# A path is as long as its caller makes it.
_MAX_PATH = 500


def log_refusal(scope: Scope, *, status: int, reason: str) -> None:
    """Log that a request was refused."""
    scope[_REFUSED] = True
    _log.warning("'%s' from %s: %s %s: refused with %d (%s)", *_facts(scope), status, reason)


def log_change(scope: Scope, *, status: int) -> None:
    """Log a request that may have changed something, unless it was refused."""
    if _REFUSED not in scope:
        # A record of `logging` would take 4 % of a short run, a line takes 1 %.
        _lines.info("'%s' from %s: %s %s: %d", *_facts(scope), status)


class AuditMiddleware:
    """Logs each request that may change something, when its answer begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on; not as a coroutine, which would be one more for each request."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            return self._app(scope, receive, send)

        def note(message: Message) -> Awaitable[None]:
            if "status" in message:
                log_change(scope, status=message["status"])
            return send(message)

        return self._app(scope, receive, note)


def _facts(scope: Scope) -> tuple[str, str, str, str]:
    """Return who calls, from where, the method and the path."""
    caller, client = caller_of(scope), scope.get("client")
    name = "unknown" if caller is None else caller.name
    # Encoded: a line break in a path must not begin a line of the log.
    path = scope["path"]
    if not _PLAIN(path):
        path = quote(path, errors="backslashreplace")[:_MAX_PATH]
    return name, client[0] if client else "unknown", scope.get("method", "WEBSOCKET"), path
