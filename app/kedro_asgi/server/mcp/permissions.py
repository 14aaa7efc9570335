"""The permissions of the caller of a message: the scopes and the limits that hold for the routes."""

from collections.abc import Collection
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_REQUEST
from starlette.requests import Request

from kedro_asgi.server.access.audit import log_call, log_refusal
from kedro_asgi.server.access.caller import AccessScope, Caller, caller_of, has_scope
from kedro_asgi.server.access.refusals import MissingScopeError

Context = ServerRequestContext[Any, Any]


def caller_in(context: Context) -> Caller | None:
    """Return the caller of a message; ``None`` where none has to be known, as on standard input."""
    request = _request(context)
    return None if request is None else caller_of(request.scope)


def may(context: Context, scope: AccessScope) -> bool:
    """Tell whether the caller of a message has a scope, or need not be known."""
    request = _request(context)
    return request is None or has_scope(request.scope, scope)


def require(context: Context, scope: AccessScope) -> None:
    """Raise `MCPError`, and log the refusal, if the caller of a message does not have a scope."""
    caller = caller_in(context)
    if may(context, scope) or caller is None:
        return
    error = MissingScopeError(caller, scope)
    log_refused(context, str(error))
    raise MCPError(code=INVALID_REQUEST, message=str(error))


def may_see(context: Context, pipeline_names: Collection[str]) -> bool:
    """Tell whether the caller of a message may use all of these pipelines."""
    caller = caller_in(context)
    return caller is None or caller.may_see(pipeline_names)


def log_refused(context: Context, reason: str) -> None:
    """Log that a message was refused."""
    if (request := _request(context)) is not None:
        log_refusal(request.scope, status=403, reason=reason)


def log_tool_call(context: Context, name: str, status: int) -> None:
    """Log that a tool was called, which may have changed something, with the status that a route would answer."""
    if (request := _request(context)) is not None:
        log_call(request.scope, f"tools/{name}", status)


def _request(context: Context) -> Request | None:
    return context.request if isinstance(context.request, Request) else None
