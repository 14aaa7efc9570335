"""The spans of HTTP requests, by the semantic conventions for HTTP servers."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from kedro_asgi.errors.wording import bounded
from kedro_asgi.failures import shown
from kedro_asgi.run_context import CurrentRequest
from kedro_asgi.tracing.activation import any_tracer
from kedro_asgi.tracing.propagation import context_of_request
from kedro_asgi.tracing.tracer import record_error

# RFC 9110 and PATCH; a caller may send any other word.
_METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"))
_OTHER = "_OTHER"
_MAX_TEXT = 500


class RequestSpans:
    """Makes a span for each request whose URL no pattern of ``OTEL_PYTHON_EXCLUDED_URLS`` matches."""

    def __init__(self) -> None:
        patterns = [text.strip() for text in os.environ.get("OTEL_PYTHON_EXCLUDED_URLS", "").split(",")]
        self._is_excluded = re.compile("|".join(filter(None, patterns)) or r"(?!)").search

    @contextmanager
    def around(self, scope: Mapping[str, Any], request: CurrentRequest, *, has_host: bool) -> Iterator[None]:
        """Make a span for this block; its parent is the one that the caller names in its headers.

        There is none if the host application has made one, as ``has_host`` allows: that is the current one.
        """
        span = self._start(scope, has_host=has_host)
        if span is None:
            yield
            return
        token = attach(trace.set_span_in_context(span))
        try:
            yield
        except Exception as error:
            record_error(span, error)
            request.status = request.status or 500
            raise
        finally:
            if span.is_recording():
                _note_answer(span, scope, request)
            detach(token)
            span.end()

    def _start(self, scope: Mapping[str, Any], *, has_host: bool) -> Span | None:
        if has_host and trace.get_current_span().get_span_context().is_valid:
            return None
        if (tracer := any_tracer()) is None or self._is_excluded(scope["path"]):
            return None
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        attributes = {"http.request.method": method, "url.path": scope["path"], "url.scheme": scope["scheme"]}
        context = context_of_request(scope["headers"])
        name = "HTTP" if method == _OTHER else method
        span = tracer.tracer.start_span(name, context, SpanKind.SERVER, attributes)
        if span.is_recording():
            span.set_attributes(_details(scope))
        return span


def _note_answer(span: Span, scope: Mapping[str, Any], request: CurrentRequest) -> None:
    """Note how a request was answered; an error of the caller is none of the server."""
    span.set_attribute("kedro.request.id", request.id)
    if request.route is not None:
        span.set_attribute("http.route", request.route)
        span.update_name(f"{scope['method']} {request.route}")
    if request.status is not None:
        span.set_attribute("http.response.status_code", request.status)
    if request.status is not None and request.status >= 500:
        span.set_attribute("error.type", str(request.status))
        span.set_status(Status(StatusCode.ERROR))


def _details(scope: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "url.path": shown(bounded(scope["path"], _MAX_TEXT)),
        "network.protocol.version": scope["http_version"],
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
