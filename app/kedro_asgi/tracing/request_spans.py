"""The spans of HTTP requests, by the semantic conventions for HTTP servers."""

import os
import re
from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import get_global_textmap
from opentelemetry.trace import Span, Status, StatusCode

from kedro_asgi.current_request import CurrentRequest
from kedro_asgi.errors.wording import bounded
from kedro_asgi.failures import shown
from kedro_asgi.tracing.propagation import CurrentContext, context_of_request
from kedro_asgi.tracing.sampling import DroppedSpan, start_sampled
from kedro_asgi.tracing.tracer import record_error

# RFC 9110 and PATCH; a caller may send any other word.
_METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"))
_OTHER = "_OTHER"
_NO_CALLER = Context()
# To set a span in an empty context takes the API five calls.
(_SPAN_KEY,) = trace.set_span_in_context(trace.INVALID_SPAN, _NO_CALLER)
_MAX_TEXT = 500


class RequestSpans:
    """Makes a span for each request whose path no pattern of ``OTEL_PYTHON_EXCLUDED_URLS`` matches.

    ``fields`` are the headers that name the place of a caller in a trace.
    """

    def __init__(self, tracer: trace.Tracer) -> None:
        self._start = start_sampled(tracer, _describe)
        current = CurrentContext.of_process()
        self._get_current, self._attach, self._detach = current.get, current.attach, current.detach
        patterns = [text.strip() for text in os.environ.get("OTEL_PYTHON_EXCLUDED_URLS", "").split(",")]
        self._is_excluded = re.compile("|".join(patterns)).search if any(patterns) else None
        self.fields = frozenset(name.encode() for name in get_global_textmap().fields)

    def begin(
        self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes], request: CurrentRequest, *, has_host: bool
    ) -> "RequestSpan | None":
        """Start the span of a request, which is the current one until its end; its parent is that of the caller.

        ``headers`` has at least one of each of the `fields` that the request has.
        Return ``None`` if the host application has made a span, as ``has_host`` allows. The sampler decides here, once
        for the request and all below it. It sees the method as the name, and the attributes that are known before
        routing.
        """
        if has_host and self._get_current() and trace.get_current_span().get_span_context().is_valid:
            return None
        if self._is_excluded is not None and self._is_excluded(scope["path"]):
            return None
        if self.fields.isdisjoint(headers):
            span = self._start(scope, _NO_CALLER)
            context = Context({_SPAN_KEY: span})
        else:
            caller = context_of_request(scope["headers"], self.fields)
            span = self._start(scope, caller)
            context = trace.set_span_in_context(span, caller)
        request.is_untraced = span.__class__ is DroppedSpan or not span.is_recording()
        return RequestSpan(span, self._attach(context), self._detach)


class RequestSpan(msgspec.Struct, frozen=True):
    """The span of one request, in the context in which it began."""

    span: Span
    token: Token[Context]
    detach: Callable[[Token[Context]], None]

    def end(self, scope: Mapping[str, Any], request: CurrentRequest, error: BaseException | None) -> None:
        """End the span of a request that was answered, or that ended with an error.

        A 4xx answer is no error of the span.
        """
        try:
            if not request.is_untraced:
                self._end(scope, request, error)
        finally:
            self.detach(self.token)

    def _end(self, scope: Mapping[str, Any], request: CurrentRequest, error: BaseException | None) -> None:
        span = self.span
        if isinstance(error, Exception):
            record_error(span, error)
        span.set_attributes({**_details(scope), **_answer(request)})
        if request.route is not None:
            span.update_name(f"{scope['method']} {request.route}")
        if request.status is not None and request.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()


def _describe(scope: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the name of a span, and the attributes that are known before its request has a route."""
    method = scope["method"] if scope["method"] in _METHODS else _OTHER
    name = "HTTP" if method == _OTHER else method
    return name, {"http.request.method": method, "url.path": scope["path"], "url.scheme": scope["scheme"]}


def _answer(request: CurrentRequest) -> dict[str, Any]:
    """Return how a request was answered."""
    found: dict[str, Any] = {"kedro.request.id": request.id}
    if request.route is not None:
        found["http.route"] = request.route
    if request.status is not None:
        found["http.response.status_code"] = request.status
        if request.status >= 500:
            found["error.type"] = str(request.status)
    return found


def _details(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a sampler does not need to know of a request."""
    # A sampler may have dropped the path, and it saw it as it came.
    found: dict[str, Any] = {
        "network.protocol.version": scope["http_version"],
        "url.path": shown(bounded(scope["path"], _MAX_TEXT)),
    }
    if scope["method"] not in _METHODS:
        found["http.request.method_original"] = bounded(scope["method"], _MAX_TEXT)
    if client := scope.get("client"):
        found["client.address"], found["client.port"] = client[0], client[1]
    if server := scope.get("server"):
        found["server.address"] = server[0]
        if server[1] is not None:
            found["server.port"] = server[1]
    agent = next((value for name, value in scope["headers"] if name == b"user-agent"), None)
    return found if agent is None else {**found, "user_agent.original": bounded(agent.decode("latin-1"), _MAX_TEXT)}
