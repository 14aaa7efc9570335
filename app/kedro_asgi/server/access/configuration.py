"""The settings of access to the server."""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

import msgspec
from starlette.authentication import AuthenticationBackend
from starlette.middleware import Middleware

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server.field_reading import read_fields, read_names, variable_of

Auth = AuthenticationBackend | Middleware | Literal["host"]

# Asymmetric ones: a server that only checks signatures holds no secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LISTS = ("oidc_algorithms", "allowed_hosts", "cors_origins")


class AccessOptions(TypedDict, total=False):
    """The settings of access that a caller of `create_http_server` may give by name."""

    auth: Auth | None
    token_file: str | None
    tokens: str | None
    oidc_issuer: str | None
    oidc_audience: str | None
    oidc_algorithms: tuple[str, ...] | None
    oidc_scope_claim: str | None
    open_metrics: bool | None
    insecure: bool | None
    allowed_hosts: tuple[str, ...] | None
    cors_origins: tuple[str, ...] | None


class AccessConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The callers that a server knows; each source of callers that is set turns the check on.

    ``token_file`` and ``tokens`` hold lines of names, hashes and scopes (`tokens`). ``oidc_issuer`` signs JSON web
    tokens for ``oidc_audience``, whose ``oidc_scope_claim`` names their scopes. ``auth`` is a backend of Starlette, a
    middleware, or ``host``: the host application in front has put ``auth`` and ``user`` into the ASGI scope. With
    ``open_metrics``, ``/metrics`` needs no token. ``insecure`` says that the server may listen on any
    address without a check.

    ``allowed_hosts`` are the names under which browsers may call, ``cors_origins`` the other sites whose pages may.
    """

    auth: Auth | None = None
    token_file: str | None = None
    tokens: str | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_algorithms: tuple[str, ...] = _ALGORITHMS
    oidc_scope_claim: str = "scope"
    open_metrics: bool = False
    insecure: bool = False
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()

    @classmethod
    def read(cls, given: Mapping[str, Any], environ: Mapping[str, str]) -> "AccessConfiguration":
        """Combine arguments and environment variables; raises `ServerSettingsError`."""
        lists: dict[str, Any] = {name: read_names(given.get(name, environ.get(variable_of(name)))) for name in _LISTS}
        found = cls(
            auth=_checked(given.get("auth")),
            **{name: names for name, names in lists.items() if names is not None},
            **read_fields(cls, given, environ, special=("auth", *_LISTS)),
        )
        if (found.oidc_issuer is None) != (found.oidc_audience is None):
            raise ServerSettingsError(
                "'oidc_issuer' and 'oidc_audience' belong together: without an audience, a token that the issuer made "
                "for any other service would be good here."
            )
        if found.auth is not None and found.has_tokens:
            raise ServerSettingsError("Give either 'auth', or tokens and an issuer: 'auth' decides alone.")
        return found

    @property
    def has_tokens(self) -> bool:
        """Whether this server itself checks tokens."""
        return bool(self.token_file or self.tokens or self.oidc_issuer)

    @property
    def is_on(self) -> bool:
        """Whether callers have to show a token, or something like it."""
        return self.auth is not None or self.has_tokens


def _checked(auth: Any) -> Auth | None:
    match auth:
        case None | "host":
            return "host" if auth else None
        case AuthenticationBackend() | Middleware():
            return auth
    raise ServerSettingsError(
        f"'auth' must be an AuthenticationBackend or a Middleware of Starlette, or 'host', not {auth!r}."
    )
