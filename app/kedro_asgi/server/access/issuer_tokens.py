"""JSON web tokens of an issuer (OpenID Connect, OAuth 2)."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import jwt
import msgspec
from jwt.exceptions import PyJWTError
from starlette.authentication import AuthenticationError

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server.access.caller import Caller, printable
from kedro_asgi.server.access.issuer_keys import IssuerKeys
from kedro_asgi.server.access.tokens import digest_of

# Clocks of machines differ.
_LEEWAY_SECONDS = 30.0
# To check a signature takes some hundred microseconds; the same token comes with each request.
_MAX_KNOWN = 1024
_KNOWN_SECONDS = 60.0
_NEEDED = ("exp", "iss", "aud", "sub")


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    caller: Caller
    until: float


class IssuerTokens:
    """A `TokenSource` of the tokens that ``issuer`` makes for ``audience``; ``scope_claim`` names their scopes.

    A claim of another claim is written with dots: ``realm_access.roles``. Only the ``algorithms`` with public keys
    count, whatever a token says.
    """

    def __init__(
        self, issuer: str, *, audience: str, algorithms: Iterable[str], scope_claim: str, keys: IssuerKeys | None = None
    ) -> None:
        self._algorithms = tuple(algorithms)
        known = jwt.algorithms.get_default_algorithms().keys()
        if wrong := [name for name in self._algorithms if name not in known or name == "none" or name[:2] == "HS"]:
            raise ServerSettingsError(f"'{wrong[0]}' is no algorithm with a public key.")
        self._issuer = issuer
        self._audience = audience
        self._scope_claim = scope_claim
        self._keys = keys or IssuerKeys(issuer)
        self._known: BoundedCache[bytes, _Known] = BoundedCache(_MAX_KNOWN)

    def known(self, digest: bytes) -> Caller | None:
        found = self._known.get(digest)
        return found.caller if found is not None and time.time() < found.until else None

    async def find(self, token: str) -> Caller | None:
        if token.count(".") != 2:
            return None
        digest, now = digest_of(token), time.time()
        if (known := self.known(digest)) is not None:
            return known
        try:
            claims = await self._claims(token)
        except PyJWTError as error:
            raise AuthenticationError(f"The token is not valid: {error}.") from error
        caller = Caller.with_scopes(printable(str(claims["sub"])), _scopes(claims, self._scope_claim))
        self._known.pop(digest, None)
        self._known.add(digest, _Known(caller=caller, until=min(now + _KNOWN_SECONDS, float(claims["exp"]))))
        return caller

    async def _claims(self, token: str) -> Mapping[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in self._algorithms:
            raise AuthenticationError("The token is not valid: its algorithm is not allowed.")
        key = await self._keys.find(header.get("kid"))
        if key is None:
            raise AuthenticationError("The token is not valid: the issuer does not have its key.")
        return jwt.decode(
            token,
            key,
            algorithms=list(self._algorithms),
            audience=self._audience,
            issuer=self._issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": list(_NEEDED)},
        )


def _scopes(claims: Mapping[str, Any], name: str) -> list[str]:
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for key in name.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return value.split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
