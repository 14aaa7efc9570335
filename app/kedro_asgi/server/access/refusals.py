"""The reasons for which a request is refused, before anything of it is done."""

from collections.abc import Collection, Mapping

from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.server.access.caller import AccessScope, Caller

_REALM = 'Bearer realm="kedro-asgi"'


class AccessRefusedError(Exception):
    """A request is refused; ``slug``, ``title`` and ``status`` are those of the problem that answers it."""

    slug: str
    title: str
    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that the answer has beside the problem."""
        return {}


class NotAuthenticatedError(AccessRefusedError):
    """The request has no token, or one that is not valid."""

    slug, title, status = "not-authenticated", "The caller is not known", 401

    def __init__(self, reason: str | None = None) -> None:
        self._is_token_invalid = reason is not None
        super().__init__(reason or "Send a token: 'Authorization: Bearer <token>'.")

    @property
    def headers(self) -> Mapping[str, str]:
        error = ', error="invalid_token"' if self._is_token_invalid else ""
        return {"WWW-Authenticate": f"{_REALM}{error}"}


class IssuerUnavailableError(AccessRefusedError):
    """The issuer of tokens has not told its keys, so no token of it can be checked."""

    slug, title, status = "issuer-unavailable", "Tokens cannot be checked", 503

    def __init__(self, issuer: str) -> None:
        super().__init__(f"The keys of issuer '{issuer}' cannot be fetched.")

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": "5"}


class MissingScopeError(AccessRefusedError):
    """The caller does not have the scope that the route asks for."""

    slug, title, status = "missing-scope", "The caller may not do this", 403

    def __init__(self, caller: Caller, scope: AccessScope) -> None:
        self.scope = scope
        super().__init__(f"'{caller.name}' does not have the scope '{scope}'.")

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{self.scope}"'}


class ForbiddenPipelineError(AccessRefusedError):
    """The caller may not use a pipeline."""

    slug, title, status = "forbidden-pipeline", "The caller may not use this pipeline", 403

    def __init__(self, caller: Caller, pipeline_names: Collection[str]) -> None:
        wanted = ", ".join(sorted(set(pipeline_names or (DEFAULT_PIPELINE,)) - (caller.pipelines or set())))
        allowed = ", ".join(sorted(caller.pipelines or ()))
        super().__init__(f"'{caller.name}' may use the pipelines {allowed}, and not {wanted}.")


class LimitedCallerError(AccessRefusedError):
    """The route tells of all pipelines at once, and the caller may not see all."""

    slug, title, status = "limited-caller", "The caller may not see all pipelines", 403

    def __init__(self, caller: Caller) -> None:
        super().__init__(f"'{caller.name}' may not call this route: its answer tells of pipelines that it may not use.")


class ForbiddenHostError(AccessRefusedError):
    """The request names a host that is not this server's."""

    slug, title, status = "forbidden-host", "The host is not allowed", 400

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The server does not answer to the host '{host}'. Allow it with --allowed-hosts, or "
            "KEDRO_SERVER_ALLOWED_HOSTS."
        )


class ForbiddenOriginError(AccessRefusedError):
    """A page of another site sent the request."""

    slug, title, status = "forbidden-origin", "Pages of other sites may not do this", 403

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"A page of '{origin}' sent this request. Allow its site with --cors-origins, or KEDRO_SERVER_CORS_ORIGINS."
        )
