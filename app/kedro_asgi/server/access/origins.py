"""Requests that pages of other sites send: a browser sends them with whatever gives its user access here.

A request without a body, or with a body whose type is not told, needs no question in advance (CORS preflight), so the
browser sends it before it knows that the server does not want it (cross-site request forgery).
"""

from collections.abc import Awaitable, Iterable, Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server.access.audit import SAFE_METHODS
from kedro_asgi.server.access.refusals import ForbiddenOriginError
from kedro_asgi.server.problems import explain_refusal

_OWN_SITE = (b"same-origin", b"none")
_MAX_SHOWN = 200
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def checked_origins(origins: Iterable[str]) -> tuple[str, ...]:
    """Return origins as browsers write them; raises `ServerSettingsError`."""
    return tuple(map(_checked, origins))


def _checked(origin: str) -> str:
    if origin == "*":
        return origin
    parts = urlsplit(origin.lower())
    others = parts.path or parts.query or parts.fragment or parts.username
    if parts.scheme not in _DEFAULT_PORTS or not parts.netloc or others:
        raise ServerSettingsError(
            f"'{origin}' is no origin: give scheme and host, such as https://app.example.com, or '*'."
        )
    # Browsers leave the default port out.
    return origin.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])


class OriginMiddleware:
    """Refuses requests that may change something and that a page of another site has sent.

    A browser says so in ``Sec-Fetch-Site``, or on plain HTTP in ``Origin``; other clients say nothing.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on, or refuse it; not as a coroutine, which would be one more for each request."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            headers = dict(scope["headers"])
            if b"origin" in headers or b"sec-fetch-site" in headers:
                origin = self._foreign_origin(headers)
                if origin is not None:
                    return _refuse(origin, scope, receive, send)
        return self._app(scope, receive, send)

    def _foreign_origin(self, headers: Mapping[bytes, bytes]) -> bytes | None:
        """Return the site whose page has sent a request; ``None`` if it is this one or an allowed one."""
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site in _OWN_SITE:
            return None
        if origin is not None and (b"*" in self._origins or origin.lower() in self._origins):
            return None
        if site is None and origin is not None and origin.partition(b"://")[2] == headers.get(b"host"):
            return None
        return origin or site


async def _refuse(origin: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    answer = await explain_refusal(Request(scope), ForbiddenOriginError(origin.decode("latin-1")[:_MAX_SHOWN]))
    await answer(scope, receive, send)
