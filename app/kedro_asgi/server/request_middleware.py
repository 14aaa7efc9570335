"""Gives each request an id, facts for its log lines, and a span, where logs or tracing ask for them."""

import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.run_context import CURRENT_REQUEST, CurrentRequest, current_facts, note_facts
from kedro_asgi.tracing.activation import any_tracer

if TYPE_CHECKING:
    from kedro_asgi.tracing.request_spans import RequestSpans

HEADER = "X-Request-ID"
_HEADER = b"x-request-id"
# Callers may send more than a log line should hold; an id of another form is replaced.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@~-]{1,128}")
REQUEST_KEY = "kedro_asgi.request"


def with_request_facts(app: ASGIApp, *, is_logged: bool) -> ASGIApp:
    """Return ``app`` within the middleware, or itself if neither logs nor tracing ask for facts of requests.

    The tracer provider is looked for now, when the application gets its first message: so tracing costs nothing where
    it is off.
    """
    has_tracing = any_tracer() is not None
    return RequestMiddleware(app, has_tracing=has_tracing) if is_logged or has_tracing else app


class RequestMiddleware:
    """Answers with the id of the request: that of the caller, or a new one."""

    def __init__(self, app: ASGIApp, *, has_tracing: bool) -> None:
        self._app = app
        self._spans = _request_spans() if has_tracing else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, in a context that has its facts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # On a connection with several requests, the context of the last one may be the one in which this one begins.
        has_host = CURRENT_REQUEST.get() is None
        request = scope[REQUEST_KEY] = CurrentRequest(_request_id(scope["headers"]))
        token = CURRENT_REQUEST.set(request)
        try:
            if self._spans is None:
                await self._answer(scope, receive, send, request)
            else:
                with self._spans.around(scope, request, has_host=has_host):
                    await self._answer(scope, receive, send, request)
        finally:
            CURRENT_REQUEST.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request: CurrentRequest) -> None:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status, request.route = message["status"], _route(scope)
                message.setdefault("headers", [])
                message["headers"] = [*message["headers"], (_HEADER, request.id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception as error:
            # The server logs it in another context.
            note_facts(error, current_facts())
            raise


def request_headers(scope: Scope) -> dict[str, str]:
    """Return the headers for an answer that is made outside of the middleware."""
    request: CurrentRequest | None = scope.get(REQUEST_KEY)
    return {} if request is None else {HEADER: request.id}


def _request_spans() -> "RequestSpans":
    from kedro_asgi.tracing.request_spans import RequestSpans

    return RequestSpans()


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == _HEADER:
            return value.decode() if _REQUEST_ID.fullmatch(value) else secrets.token_hex(16)
    return secrets.token_hex(16)


def _route(scope: Scope) -> str | None:
    path: str | None = getattr(scope.get("route"), "path", None)
    return path
