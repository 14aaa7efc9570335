"""Measures requests, and gives each an id, facts for its log lines, and a span, where logs or tracing ask for them."""

import re
import secrets
from collections.abc import Awaitable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.current_request import CURRENT_REQUEST, CurrentRequest
from kedro_asgi.run_context import current_facts, note_facts
from kedro_asgi.server.http_metrics import HttpMetrics, HttpMetricsMiddleware, route_of
from kedro_asgi.tracing.activation import any_tracer

if TYPE_CHECKING:
    from kedro_asgi.tracing.tracer import Tracer

HEADER = "X-Request-ID"
_HEADER = b"x-request-id"
# Callers may send more than a log line should hold; an id of another form is replaced.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@~-]{1,128}")
REQUEST_KEY = "kedro_asgi.request"


def observe_requests(app: ASGIApp, *, metrics: HttpMetrics, is_counted: bool, is_logged: bool) -> ASGIApp:
    """Return ``app`` within what observes its requests, or itself if neither metrics, logs nor tracing ask for that.

    It is the first middleware, so it sees refusals too. The tracer provider is looked for now, when the application
    gets its first message: so tracing costs nothing where it is off.
    """
    tracer = any_tracer()
    if tracer is not None or is_logged:
        return RequestMiddleware(app, metrics, tracer=tracer)
    return HttpMetricsMiddleware(app, metrics) if is_counted else app


class RequestMiddleware:
    """Gives each request its id, facts and a span, and measures it; one coroutine does all that.

    The answer has the id of the request: that of the caller, or a new one.
    """

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, *, tracer: "Tracer | None") -> None:
        self._app = app
        self._metrics = metrics
        self._spans = None if tracer is None else tracer.request_spans()
        # An id of this process and a number: to draw each at random takes longer than all else here.
        self._prefix = f"{secrets.token_hex(8)}-"
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        given = headers.get(_HEADER)
        if given is None or _REQUEST_ID.fullmatch(given) is None:
            request_id = f"{self._prefix}{next(self._numbers)}"
        else:
            request_id = given.decode()
        request = scope[REQUEST_KEY] = CurrentRequest(request_id)
        # On a connection with several requests, one may begin in the context of the one before.
        has_host = CURRENT_REQUEST.get() is None
        token = CURRENT_REQUEST.set(request)
        span = None if self._spans is None else self._spans.begin(scope, headers, request, has_host=has_host)
        metrics, former_route = self._metrics, scope.get("route")
        problem: BaseException | None = None
        metrics.in_progress += 1
        try:
            await self._app(scope, receive, partial(self._send, request, scope, former_route, send))
        except BaseException as error:
            problem = error
            if request.status is None and isinstance(error, Exception):
                # The layer in front of all middleware answers.
                self._note_answer(request, scope, former_route, 500)
            # The server logs it in another context.
            note_facts(error, current_facts())
            raise
        finally:
            metrics.in_progress -= 1
            if request.status is None:
                # A request that is cancelled, since its client has gone, has no status.
                metrics.answered(scope["method"], route_of(scope, former_route), since=request.started)
            if span is not None:
                span.end(scope, request, problem)
            # The error must not refer to what refers to it.
            del problem
            CURRENT_REQUEST.reset(token)

    def _send(
        self, request: CurrentRequest, scope: Scope, former_route: object, send: Send, message: Message
    ) -> Awaitable[None]:
        """Send a message; not as a coroutine, which would be one more for each message."""
        if message["type"] == "http.response.start":
            self._note_answer(request, scope, former_route, message["status"])
            message["headers"] = [*message.get("headers", ()), (_HEADER, request.id.encode())]
        return send(message)

    def _note_answer(self, request: CurrentRequest, scope: Scope, former_route: object, status: int) -> None:
        request.status, request.route = status, route_of(scope, former_route)
        self._metrics.answered(scope["method"], request.route, status, since=request.started)


def request_headers(scope: Scope) -> dict[str, str]:
    """Return the headers for an answer that is made outside of the middleware."""
    request: CurrentRequest | None = scope.get(REQUEST_KEY)
    return {} if request is None else {HEADER: request.id}
