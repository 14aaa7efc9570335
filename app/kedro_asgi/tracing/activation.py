"""Whether spans are made at this moment, and what makes them; imports OpenTelemetry only where the process has."""

from collections.abc import MutableMapping, Sequence
from contextvars import Context
from importlib import import_module
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType

from kedro_asgi.current_request import CURRENT_REQUEST, is_untraced
from kedro_asgi.python_modules import is_importable
from kedro_asgi.trace_context import TraceHeaders, opentelemetry_api

if TYPE_CHECKING:
    from kedro_asgi.runs import RunRecord
    from kedro_asgi.tracing.tracer import BatchedRun, BatchSpan, RunSpan, Tracer


def active_tracer() -> "Tracer | None":
    """Return what makes spans of runs and nodes.

    There is none without a tracer provider, and none below a span that is not sampled: its trace is not exported.
    """
    if (api := opentelemetry_api()) is None or is_untraced() or (tracer := _tracer(api)) is None:
        return None
    span = api.get_current_span()
    context = span.get_span_context()
    return None if context.is_valid and not (context.trace_flags.sampled or span.is_recording()) else tracer


def any_tracer() -> "Tracer | None":
    """Return what makes spans, whatever the current span is."""
    api = opentelemetry_api()
    return None if api is None else _tracer(api)


def prepare_tracing() -> None:
    """Import what makes spans, if this process has OpenTelemetry: it takes too long for an event loop."""
    if opentelemetry_api() is not None:
        import_module("kedro_asgi.tracing.request_spans")


def begin_run_span(record: "RunRecord", context: Context) -> "RunSpan | None":
    """Start the span of an attempt of a run, and make it the current one of ``context``, if there is tracing."""
    request = context.get(CURRENT_REQUEST)
    if (request is not None and request.is_untraced) or any_tracer() is None:
        return None
    return context.run(_begin_run_span, record)


def _begin_run_span(record: "RunRecord") -> "RunSpan | None":
    tracer = active_tracer()
    return None if tracer is None else tracer.begin_run(record)


def begin_batch_span(
    batch_id: str, pipeline_names: Sequence[str], rows: int, members: "Sequence[BatchedRun]", context: Context
) -> "BatchSpan | None":
    """Start the span of runs that are executed as one, and make it the current one of ``context``, if there is tracing.

    Callers have no part in that context. There is no span if the trace of no run is sampled.
    """
    tracer = any_tracer()
    return None if tracer is None else context.run(tracer.begin_batch, batch_id, pipeline_names, rows, members)


def continue_trace(headers: TraceHeaders | UnsetType) -> None:
    """Make a place in a trace of another process the current one of this context; ``UNSET``: none.

    A process without OpenTelemetry, as a Dask worker may be, makes no spans and needs no place.
    """
    if opentelemetry_api() is not None or (headers is not UNSET and is_importable("opentelemetry.trace")):
        from kedro_asgi.tracing.propagation import enter

        enter(headers)


def add_trace_headers(headers: MutableMapping[str, str]) -> None:
    """Add the place in the current trace to the headers of a request, if this process uses OpenTelemetry."""
    if opentelemetry_api() is not None:
        from kedro_asgi.tracing.propagation import add_headers

        add_headers(headers)


def _tracer(api: Any) -> "Tracer | None":
    provider = api.get_tracer_provider()
    if isinstance(provider, (api.ProxyTracerProvider, api.NoOpTracerProvider)):
        return None
    from kedro_asgi.tracing.tracer import tracer_of

    return tracer_of(provider)
