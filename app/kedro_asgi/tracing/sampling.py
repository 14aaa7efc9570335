"""Asks the sampler of OpenTelemetry's SDK before a span is begun.

The SDK asks it in the middle of ``start_span``, which costs three times as much as the answer.
"""

import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeAlias

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, Tracer, get_current_span

StartSpan: TypeAlias = Callable[[str, Context, SpanKind, Mapping[str, Any]], Span]
"""Begins a span by its name, the context of its parent, its kind and its attributes."""

# Says that the id of a trace is random. Earlier versions of OpenTelemetry do not know the flag.
_RANDOM: int = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)


class _Answer(msgspec.Struct, frozen=True, gc=False):
    """The sampler's answer for a trace."""

    trace_id: int
    result: Any


# The answer for the span that code of this context begins.
_ANSWER: ContextVar[_Answer | None] = ContextVar("kedro_asgi_sampler_answer", default=None)


def start_sampled(tracer: Tracer) -> StartSpan:
    """Return a function that begins spans, and that asks the sampler of ``tracer`` first if that is one of the SDK."""
    sdk = sys.modules.get("opentelemetry.sdk.trace")
    return _EarlySampling(tracer).start if sdk is not None and isinstance(tracer, sdk.Tracer) else tracer.start_span


class _EarlySampling:
    """Asks the sampler once for each span. Of a span that is dropped, only the ids are made.

    The tracer makes a span that is kept. It asks the sampler and the generator of ids, too, so these are wrapped: they
    repeat the answer and the id of the trace. ``tracer`` is one of the SDK, whose class is not imported here.
    """

    def __init__(self, tracer: Any) -> None:
        # An application may be made twice, and the provider gives the same tracer to both.
        if not isinstance(tracer.sampler, _AskedSampler):
            tracer.sampler, tracer.id_generator = _AskedSampler(tracer.sampler), _ChosenIds(tracer.id_generator)
        self._tracer = tracer
        self._ask = tracer.sampler.sampler.should_sample
        self._ids = tracer.id_generator.ids
        self._drop = sys.modules["opentelemetry.sdk.trace.sampling"].Decision.DROP
        self._flags = TraceFlags(_RANDOM if tracer.id_generator.is_trace_id_random() else TraceFlags.DEFAULT)

    def start(self, name: str, context: Context, kind: SpanKind, attributes: Mapping[str, Any]) -> Span:
        """Begin a span; one that is dropped records nothing."""
        # Most requests name no caller, and to find that out takes a sixth of all this.
        if context and (parent := get_current_span(context).get_span_context()).is_valid:
            trace_id, flags = parent.trace_id, TraceFlags(parent.trace_flags & _RANDOM)
        else:
            trace_id, flags = self._ids.generate_trace_id(), self._flags
        result = self._ask(context, trace_id, name, kind, attributes, ())
        if result.decision is self._drop:
            span_id = self._ids.generate_span_id()
            return NonRecordingSpan(SpanContext(trace_id, span_id, False, flags, result.trace_state))
        token = _ANSWER.set(_Answer(trace_id, result))
        try:
            span: Span = self._tracer.start_span(name, context, kind, attributes)
            return span
        finally:
            _ANSWER.reset(token)


class _AskedSampler:
    """A `Sampler` of the SDK that repeats an answer of another one, where there is one."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler

    def should_sample(self, *question: Any, **more: Any) -> Any:
        answer = _ANSWER.get()
        return self.sampler.should_sample(*question, **more) if answer is None else answer.result

    def get_description(self) -> str:
        return str(self.sampler.get_description())


class _ChosenIds:
    """An `IdGenerator` of the SDK that repeats the id of a trace that a sampler has seen, where there is one."""

    def __init__(self, ids: Any) -> None:
        self.ids = ids
        self.generate_span_id = ids.generate_span_id
        # Early versions do not ask for it.
        self.is_trace_id_random = getattr(ids, "is_trace_id_random", bool)

    def generate_trace_id(self) -> int:
        answer = _ANSWER.get()
        return int(self.ids.generate_trace_id()) if answer is None else answer.trace_id
