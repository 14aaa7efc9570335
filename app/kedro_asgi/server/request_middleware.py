"""Gives each request an id, facts for its log lines, and a span, where logs or tracing ask for them."""

import re
import secrets
from collections.abc import Awaitable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.current_request import CURRENT_REQUEST, CurrentRequest
from kedro_asgi.run_context import current_facts, note_facts
from kedro_asgi.tracing.activation import any_tracer

if TYPE_CHECKING:
    from kedro_asgi.tracing.tracer import Tracer

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
    tracer = any_tracer()
    return app if tracer is None and not is_logged else RequestMiddleware(app, tracer=tracer)


class RequestMiddleware:
    """Answers with the id of the request: that of the caller, or a new one."""

    def __init__(self, app: ASGIApp, *, tracer: "Tracer | None") -> None:
        self._app = app
        self._spans = None if tracer is None else tracer.request_spans()
        self._wanted = frozenset((_HEADER, *(() if self._spans is None else self._spans.fields)))
        # An id of this process and a number: to draw each at random takes longer than all else here.
        self._prefix = f"{secrets.token_hex(8)}-"
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, in a context that has its facts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = self._wanted
        headers = {name: value for name, value in scope["headers"] if name in wanted}
        request = scope[REQUEST_KEY] = CurrentRequest(self._request_id(headers.get(_HEADER)))
        # On a connection with several requests, one may begin in the context of the one before.
        has_host = CURRENT_REQUEST.get() is None
        token = CURRENT_REQUEST.set(request)
        span = None if self._spans is None else self._spans.begin(scope, headers, request, has_host=has_host)
        problem: BaseException | None = None
        try:
            await self._app(scope, receive, partial(_note_answer, request, scope, send))
        except BaseException as error:
            problem = error
            # A request that is cancelled, since its client has gone, has no status.
            if request.status is None and isinstance(error, Exception):
                request.status, request.route = 500, _route(scope)
            # The server logs it in another context.
            note_facts(error, current_facts())
            raise
        finally:
            if span is not None:
                span.end(scope, request, problem)
            # The error must not refer to what refers to it.
            del problem
            CURRENT_REQUEST.reset(token)

    def _request_id(self, given: bytes | None) -> str:
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode()
        return f"{self._prefix}{next(self._numbers)}"


def _note_answer(request: CurrentRequest, scope: Scope, send: Send, message: Message) -> Awaitable[None]:
    """Send a message; not as a coroutine, which would be one more for each message."""
    if message["type"] == "http.response.start":
        request.status, request.route = message["status"], _route(scope)
        message["headers"] = [*message.get("headers", ()), (_HEADER, request.id.encode())]
    return send(message)


def request_headers(scope: Scope) -> dict[str, str]:
    """Return the headers for an answer that is made outside of the middleware."""
    request: CurrentRequest | None = scope.get(REQUEST_KEY)
    return {} if request is None else {HEADER: request.id}


def _route(scope: Scope) -> str | None:
    path: str | None = getattr(scope.get("route"), "path", None)
    return path
