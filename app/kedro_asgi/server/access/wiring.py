"""Makes the parts of access from their settings."""

from pathlib import Path

from starlette.authentication import AuthenticationBackend
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server.access.audit import AuditMiddleware
from kedro_asgi.server.access.configuration import AccessConfiguration
from kedro_asgi.server.access.control import AccessControl, PipelinesOfRun
from kedro_asgi.server.access.hosts import AllowedHosts, HostMiddleware
from kedro_asgi.server.access.origins import OriginMiddleware, checked_origins
from kedro_asgi.server.access.token_backend import ListedTokens, TokenBackend, TokenSource
from kedro_asgi.server.access.token_file import TokenFile

_TRACE_HEADERS = ("Traceparent", "Tracestate", "X-Request-ID")
_HEADERS = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer"),
    *("Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version", "Mcp-Session-Id"),
    "Inference-Header-Content-Length",
    *_TRACE_HEADERS,
)
_SHOWN_HEADERS = (
    *("ETag", "Idempotent-Replayed", "Location", "Preference-Applied", "Retry-After", "Run-Id", "WWW-Authenticate"),
    *("Inference-Header-Content-Length", "Mcp-Session-Id", "X-Request-ID"),
)


def check_access(access: AccessConfiguration) -> None:
    """Raise `ServerSettingsError` for tokens, an issuer, hosts or origins that a server cannot use."""
    access_middleware(access)
    if access.is_on:
        _backend(access)


def access_control(access: AccessConfiguration, *, pipelines_of_run: PipelinesOfRun) -> AccessControl | None:
    """Return the control that the settings ask for; ``None`` if callers need not be known."""
    if not access.is_on:
        return None
    return AccessControl(_backend(access), pipelines_of_run=pipelines_of_run, open_metrics=access.open_metrics)


def access_middleware(access: AccessConfiguration) -> list[Middleware]:
    """Return the middleware for all requests, the outermost first."""
    hosts, origins = AllowedHosts(access.allowed_hosts), checked_origins(access.cors_origins)
    middleware = [Middleware(AuditMiddleware)] if access.is_on else []
    if access.allowed_hosts and not hosts.allows_all:
        middleware.append(Middleware(HostMiddleware, allowed=hosts))
    if origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=("GET", "POST"),
                allow_headers=_HEADERS,
                expose_headers=_SHOWN_HEADERS,
            )
        )
    middleware.append(Middleware(OriginMiddleware, origins=origins))
    return [*middleware, access.auth] if isinstance(access.auth, Middleware) else middleware


def _backend(access: AccessConfiguration) -> AuthenticationBackend | None:
    if isinstance(access.auth, AuthenticationBackend):
        return access.auth
    if access.auth is not None:
        return None
    sources: list[TokenSource] = []
    if access.tokens:
        sources.append(ListedTokens(access.tokens, source="KEDRO_SERVER_TOKENS"))
    if access.token_file:
        sources.append(TokenFile(Path(access.token_file)))
    if access.oidc_issuer is not None and access.oidc_audience is not None:
        sources.append(_issuer_tokens(access, access.oidc_issuer, access.oidc_audience))
    return TokenBackend(*sources)


def _issuer_tokens(access: AccessConfiguration, issuer: str, audience: str) -> TokenSource:
    try:
        # The library is an optional dependency.
        from kedro_asgi.server.access.issuer_tokens import IssuerTokens
    except ImportError as error:
        raise ServerSettingsError(
            f"Tokens of an issuer need an extra: pip install 'kedro-asgi[auth]' ({error})."
        ) from error
    return IssuerTokens(
        issuer, audience=audience, algorithms=access.oidc_algorithms, scope_claim=access.oidc_scope_claim
    )
