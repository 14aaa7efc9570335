"""The hosts that requests may name: a page of another site must not reach the server under a name of that site.

A site can let its own name lead to an address of the caller's network, or to this machine (DNS rebinding). Its page
then reads and sends whatever it likes, since the browser takes the server for a part of the site. The browser still
says which name it used.
"""

import re
from collections.abc import Awaitable, Iterable
from ipaddress import ip_address

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server.access.refusals import ForbiddenHostError
from kedro_asgi.server.problems import explain_refusal

LOCAL = "local"
"""Stands for all names that no site can have: IP addresses, and names without a dot."""
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.IGNORECASE)
_PATTERN = re.compile(r"\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[?[0-9a-f:.]+\]?", re.IGNORECASE)
_MAX_KNOWN = 64
_MAX_SHOWN = 100


class AllowedHosts:
    """The hosts that a server answers to: names, ``*.example.com``, ``local``, or ``*`` for all."""

    def __init__(self, patterns: Iterable[str]) -> None:
        given = [pattern.lower() for pattern in patterns]
        if wrong := [pattern for pattern in given if not _PATTERN.fullmatch(pattern)]:
            raise ServerSettingsError(
                f"'{wrong[0]}' is no host to allow: give a name without a port, '*.example.com', '{LOCAL}' or '*'."
            )
        self.allows_all = "*" in given
        self._allows_local = LOCAL in given
        self._names = frozenset(given) | {f"[{name}]" for name in given if ":" in name and name[0] != "["}
        self._suffixes = tuple(pattern[1:] for pattern in given if pattern.startswith("*."))
        self._known: BoundedCache[bytes, bool] = BoundedCache(_MAX_KNOWN)

    def allow(self, header: bytes) -> bool:
        """Tell whether requests with this ``Host`` header are answered."""
        known = self._known.get(header)
        return known if known is not None else self._known.add(header, self._decide(header))

    def _decide(self, header: bytes) -> bool:
        found = _HOST.fullmatch(header.decode("latin-1"))
        if found is None:
            return False
        name = found["name"].lower()
        return name in self._names or name.endswith(self._suffixes) or (self._allows_local and _is_local(name))


def _is_local(name: str) -> bool:
    if "." not in name and ":" not in name:
        return True
    if name.endswith(".localhost"):
        return True
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class HostMiddleware:
    """Refuses requests that name another host, or several."""

    def __init__(self, app: ASGIApp, allowed: AllowedHosts) -> None:
        self._app = app
        self._allowed = allowed

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on, or refuse it; not as a coroutine, which would be one more for each request."""
        if scope["type"] != "lifespan":
            hosts = [value for key, value in scope["headers"] if key == b"host"]
            # A browser always names one.
            if len(hosts) > 1 or (hosts and not self._allowed.allow(hosts[0])):
                return _refuse(hosts, scope, receive, send)
        return self._app(scope, receive, send)


async def _refuse(hosts: list[bytes], scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    error = ForbiddenHostError(", ".join(host.decode("latin-1") for host in hosts)[:_MAX_SHOWN])
    answer = await explain_refusal(Request(scope), error)
    await answer(scope, receive, send)
