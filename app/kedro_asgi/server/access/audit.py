"""One log line for each request that was refused, and for each that may have changed something."""

import logging
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.server.access.caller import caller_of

_log = logging.getLogger("kedro_asgi.audit")

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_REFUSED = "kedro_asgi.is_refused"
# A path is as long as its caller makes it.
_MAX_PATH = 500


def log_refusal(scope: Scope, *, status: int, reason: str) -> None:
    """Log that a request was refused."""
    scope[_REFUSED] = True
    _log.warning("%s: refused with %d (%s)", _facts(scope), status, reason)


def _log_change(scope: Scope, result: str) -> None:
    if _log.isEnabledFor(logging.INFO):
        _log.info("%s: %s", _facts(scope), result)


class AuditMiddleware:
    """Logs each request that may change something, with the status of its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        status = "no answer"

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            if _REFUSED not in scope:
                _log_change(scope, status)


def _facts(scope: Scope) -> str:
    caller, client = caller_of(scope), scope.get("client")
    name = "nobody" if caller is None else caller.name
    # Encoded: a line break in a path must not begin a line of the log.
    path = quote(scope["path"], errors="backslashreplace")[:_MAX_PATH]
    return f"'{name}' from {client[0] if client else 'unknown'}: {scope.get('method', 'WEBSOCKET')} {path}"
