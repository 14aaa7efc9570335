"""Requests that pages of other sites send: a browser sends them with whatever gives its user access here.

A request without a body, or with a body whose type is not told, needs no question in advance (CORS preflight), so the
browser sends it before it knows that the server does not want it (cross-site request forgery).
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server.access.audit import SAFE_METHODS
from kedro_asgi.server.access.refusals import ForbiddenOriginError
from kedro_asgi.server.problems import explain_refusal

_OWN_SITE = (b"same-origin", b"none")
_MAX_SHOWN = 200


def checked_origins(origins: Iterable[str]) -> tuple[str, ...]:
    """Return origins as browsers write them; raises `ServerSettingsError`."""
    return tuple(map(_checked, origins))


def _checked(origin: str) -> str:
    if origin == "*":
        return origin
    parts = urlsplit(origin.lower())
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query or parts.username:
        raise ServerSettingsError(
            f"'{origin}' is no origin: give scheme and host, such as https://app.example.com, or '*'."
        )
    return origin.lower()


class OriginMiddleware:
    """Refuses requests that may change something and that a page of another site has sent.

    A browser says so in ``Sec-Fetch-Site``, or on plain HTTP in ``Origin``; other clients say nothing.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            origin = self._foreign_origin(scope)
            if origin is not None:
                error = ForbiddenOriginError(origin.decode("latin-1")[:_MAX_SHOWN])
                answer = await explain_refusal(Request(scope), error)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _foreign_origin(self, scope: Scope) -> bytes | None:
        """Return the site whose page has sent a request; ``None`` if it is this one, an allowed one, or no page."""
        site = origin = host = None
        for key, value in scope["headers"]:
            if key == b"origin":
                origin = value
            elif key == b"sec-fetch-site":
                site = value
            elif key == b"host":
                host = value
        if (site is None and origin is None) or site in _OWN_SITE:
            return None
        if origin is not None and (b"*" in self._origins or origin.lower() in self._origins):
            return None
        if site is None and origin is not None and origin.partition(b"://")[2] == host:
            return None
        return origin or site
