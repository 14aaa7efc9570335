"""The authentication of bearer tokens, whatever source knows them."""

import re
from typing import Protocol

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError
from starlette.requests import HTTPConnection
from starlette.types import Scope as AsgiScope

from kedro_asgi.server.access.caller import Caller
from kedro_asgi.server.access.tokens import TokenTable, parse_tokens

# RFC 6750. One space, and nothing behind the token: a proxy in front must read the same.
_BEARER = re.compile(r"bearer ([A-Za-z0-9._~+/-]{1,8192}={0,4})", re.IGNORECASE)


class TokenSource(Protocol):
    """Knows the callers of some tokens."""

    async def find(self, token: str) -> Caller | None:
        """Return the caller with this token; ``None`` if the token is none of this source.

        Raises `AuthenticationError` for a token of this source that is not valid.
        """


class ListedTokens:
    """The tokens of a text, such as an environment variable."""

    def __init__(self, text: str, *, source: str) -> None:
        self._table = TokenTable(parse_tokens(text, source=source))

    async def find(self, token: str) -> Caller | None:
        return self._table.find(token)


class TokenBackend(AuthenticationBackend):
    """Asks each source for the caller with the token of a request."""

    def __init__(self, *sources: TokenSource) -> None:
        self._sources = sources

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Caller] | None:
        """Return the caller, or ``None`` without a token; raises `AuthenticationError`."""
        token = bearer_token(conn.scope)
        if token is None:
            return None
        for source in self._sources:
            caller = await source.find(token)
            if caller is not None:
                return AuthCredentials(sorted(caller.scopes)), caller
        raise AuthenticationError("The token is not known.")


def bearer_token(scope: AsgiScope) -> str | None:
    """Return the token of a request; raises `AuthenticationError` for a header that is not exactly one bearer token."""
    values = [value for key, value in scope["headers"] if key == b"authorization"]
    if not values:
        return None
    if len(values) > 1:
        raise AuthenticationError("The request has several Authorization headers.")
    found = _BEARER.fullmatch(values[0].decode("latin-1"))
    if found is None:
        raise AuthenticationError("The Authorization header must be 'Bearer <token>'.")
    return found[1]
