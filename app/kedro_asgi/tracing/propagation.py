"""Places in traces as headers: those of requests, and those that records and other processes get."""

import os
from collections.abc import Callable, Container, Iterable, MutableMapping
from contextvars import Token
from typing import Self

import msgspec
from msgspec import UNSET, UnsetType
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.environment_variables import OTEL_PYTHON_CONTEXT
from opentelemetry.propagate import extract, inject
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from kedro_asgi.trace_context import TraceHeaders

_W3C = TraceContextTextMapPropagator()


def context_of(headers: TraceHeaders) -> Context:
    """Return the context of a place in a trace."""
    return _W3C.extract(headers, Context())


def context_of_request(headers: Iterable[tuple[bytes, bytes]], fields: Container[bytes]) -> Context:
    """Return the context that the headers of a request name; ``fields`` are those that the propagators read.

    A ``tracestate`` may come in several headers.
    """
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name in fields:
            found.setdefault(name.decode(), []).append(value.decode("latin-1"))
    return extract(found, Context())


class CurrentContext(msgspec.Struct, frozen=True):
    """Functions that do what `get_current`, `attach` and `detach` of the API do."""

    get: Callable[[], Context]
    attach: Callable[[Context], Token[Context]]
    detach: Callable[[Token[Context]], None]

    @classmethod
    def of_process(cls) -> Self:
        """Return those of the variable that the API sets, as these take a third of its time.

        ``OTEL_PYTHON_CONTEXT`` may name another place than a variable.
        """
        token = attach(Context())
        detach(token)
        if os.environ.get(OTEL_PYTHON_CONTEXT) or not isinstance(token, Token):
            return cls(get_current, attach, detach)
        return cls(token.var.get, token.var.set, token.var.reset)


def enter(headers: TraceHeaders | UnsetType) -> None:
    """Make a place in a trace the current one of this context, for good; ``UNSET``: none."""
    attach(Context() if headers is UNSET else context_of(headers))


def add_headers(headers: MutableMapping[str, str]) -> None:
    """Add the place in the current trace to the headers of a request, by the propagators of this process."""
    inject(headers)
