"""The authentication of bearer tokens, whatever source knows them."""

import hashlib
from typing import Protocol

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError
from starlette.requests import HTTPConnection
from starlette.types import Scope

from kedro_asgi.server.access.caller import Caller
from kedro_asgi.server.access.tokens import TokenTable, digest_of, parse_tokens

_SCHEME = b"bearer "
_USUAL_SCHEME = b"Bearer "
_SCHEME_LENGTH = len(_SCHEME)


class TokenSource(Protocol):
    """Knows the callers of some tokens."""

    def known(self, digest: bytes) -> Caller | None:
        """Return the caller with the token of this SHA-256, if that can be said without waiting."""

    async def find(self, token: str) -> Caller | None:
        """Return the caller with this token; ``None`` if the token is none of this source.

        Raises `AuthenticationError` for a token of this source that is not valid.
        """


class ListedTokens:
    """The tokens of a text, such as an environment variable."""

    def __init__(self, text: str, *, source: str) -> None:
        self._table = TokenTable(parse_tokens(text, source=source))
        self.known = self._table.find

    async def find(self, token: str) -> Caller | None:
        return self.known(digest_of(token))


class TokenBackend(AuthenticationBackend):
    """Asks each source for the caller with the token of a request."""

    def __init__(self, *sources: TokenSource) -> None:
        self._sources = sources

    def known(self, scope: Scope) -> Caller | None:
        """Return the caller of a request as `authenticate` does, if that needs no waiting; takes half of its time."""
        found = [value for key, value in scope["headers"] if key == b"authorization"]
        # A scheme in other letters, and several headers, are left to `authenticate`.
        if not found or found[0][:_SCHEME_LENGTH] != _USUAL_SCHEME or found[1:]:
            return None
        digest = hashlib.sha256(found[0][_SCHEME_LENGTH:]).digest()
        for source in self._sources:
            if (caller := source.known(digest)) is not None:
                return caller
        return None

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Caller] | None:
        """Return the caller, or ``None`` without a token; raises `AuthenticationError`."""
        token = bearer_token(conn.scope)
        if token is None:
            return None
        for source in self._sources:
            caller = await source.find(token)
            if caller is not None:
                return AuthCredentials(tuple(caller.scopes)), caller
        raise AuthenticationError("The token is not known.")


def bearer_token(scope: Scope) -> str | None:
    """Return the token of a request; raises `AuthenticationError` for several headers, or another scheme (RFC 6750).

    All that follows the scheme is the token, so nothing in it is read in another way than by a proxy in front.
    """
    values = [value for key, value in scope["headers"] if key == b"authorization"]
    if not values:
        return None
    if len(values) > 1:
        raise AuthenticationError("The request has several Authorization headers.")
    if values[0][: len(_SCHEME)].lower() != _SCHEME:
        raise AuthenticationError("The Authorization header must be 'Bearer <token>'.")
    return str(values[0][len(_SCHEME) :], "latin-1")
