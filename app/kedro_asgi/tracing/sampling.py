"""Asks the sampler of OpenTelemetry's SDK before anything is made of the span of a request.

The SDK asks it in the middle of ``start_span``, which costs three times as much as the answer.
"""

import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeAlias

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, Tracer, get_current_span

Describe: TypeAlias = Callable[[Mapping[str, Any]], tuple[str, Mapping[str, Any]]]
"""Returns the name and the first attributes of the span of a request, by its scope."""

StartSpan: TypeAlias = Callable[[Mapping[str, Any], Context], Span]
"""Begins the span of a request by its scope and the context of its caller."""

# Python 3.11 takes as long to find a member of an enumeration as to call a function.
_SERVER = SpanKind.SERVER
# Says that the id of a trace is random. Earlier versions of OpenTelemetry do not know the flag.
_RANDOM: int = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)


class _Answer(msgspec.Struct, frozen=True, gc=False):
    """The sampler's answer for a trace."""

    trace_id: int
    result: Any


# The bits of the id of a trace that the SDK's sampler of a share of all traces looks at.
_SAMPLED_BITS = (1 << 64) - 1

# The answer for the span that code of this context begins.
_ANSWER: ContextVar[_Answer | None] = ContextVar("kedro_asgi_sampler_answer", default=None)


def start_sampled(tracer: Tracer, describe: Describe) -> StartSpan:
    """Return a function that begins spans, and that asks the sampler of ``tracer`` first if that is one of the SDK."""
    sdk = sys.modules.get("opentelemetry.sdk.trace")
    if sdk is not None and isinstance(tracer, sdk.Tracer):
        return _EarlySampling(tracer, describe).start

    def start(scope: Mapping[str, Any], context: Context) -> Span:
        name, attributes = describe(scope)
        return tracer.start_span(name, context, _SERVER, attributes)

    return start


class DroppedSpan(NonRecordingSpan):
    """A span without a parent whose trace is dropped: ids are made when something asks for them. Thread-safe."""

    def __init__(self, make_context: Callable[[int | None], SpanContext], trace_id: int | None) -> None:
        self._make_context = make_context
        self._trace_id = trace_id

    def get_span_context(self) -> SpanContext:
        """Return the ids; they stay the same."""
        made: dict[str, Any] = self.__dict__
        if "_made" not in made:
            # Another thread may do the same: the first ids count.
            made.setdefault("_made", self._make_context(self._trace_id))
        context: SpanContext = made["_made"]
        return context

    def __repr__(self) -> str:
        return f"DroppedSpan({self.get_span_context()!r})"


class _EarlySampling:
    """Asks the sampler once for each request, unless the id of the trace tells the answer.

    The tracer makes a span that is kept. It asks the sampler and the generator of ids, too, so these are wrapped: they
    repeat the answer and the id of the trace. ``tracer`` is one of the SDK, whose class is not imported here.
    """

    def __init__(self, tracer: Any, describe: Describe) -> None:
        # An application may be made twice, and the provider gives the same tracer to both.
        if not isinstance(tracer.sampler, _AskedSampler):
            tracer.sampler, tracer.id_generator = _AskedSampler(tracer.sampler), _ChosenIds(tracer.id_generator)
        self._tracer = tracer
        self._describe = describe
        self._ask = tracer.sampler.sampler.should_sample
        self._bound = _bound_of(tracer.sampler.sampler)
        self._make_trace_id = tracer.id_generator.ids.generate_trace_id
        self._make_span_id = tracer.id_generator.ids.generate_span_id
        self._drop = sys.modules["opentelemetry.sdk.trace.sampling"].Decision.DROP
        self._flags = TraceFlags(_RANDOM if tracer.id_generator.is_trace_id_random() else TraceFlags.DEFAULT)

    def start(self, scope: Mapping[str, Any], context: Context) -> Span:
        """Begin a span; one that is dropped records nothing."""
        # Most requests name no caller, and each call that is made for these shows in the cost of a run.
        if context and (parent := get_current_span(context).get_span_context()).is_valid:
            return self._start(scope, context, parent.trace_id, TraceFlags(parent.trace_flags & _RANDOM))
        if self._bound == 0:
            return DroppedSpan(self._make_context, None)
        trace_id = self._make_trace_id()
        if self._bound is not None and trace_id & _SAMPLED_BITS >= self._bound:
            return DroppedSpan(self._make_context, trace_id)
        return self._start(scope, context, trace_id, self._flags)

    def _start(self, scope: Mapping[str, Any], context: Context, trace_id: int, flags: TraceFlags) -> Span:
        name, attributes = self._describe(scope)
        result = self._ask(context, trace_id, name, _SERVER, attributes, ())
        if result.decision is self._drop:
            return NonRecordingSpan(SpanContext(trace_id, self._make_span_id(), False, flags, result.trace_state))
        token = _ANSWER.set(_Answer(trace_id, result))
        try:
            span: Span = self._tracer.start_span(name, context, _SERVER, attributes)
            return span
        finally:
            _ANSWER.reset(token)

    def _make_context(self, trace_id: int | None) -> SpanContext:
        """Return the ids of a span that is dropped."""
        made = self._make_trace_id() if trace_id is None else trace_id
        return SpanContext(made, self._make_span_id(), is_remote=False, trace_flags=self._flags)


def _bound_of(sampler: Any) -> int | None:
    """Return the number from which on the low bits of the id let ``sampler`` drop a trace without a parent.

    There is none for a sampler that has to be asked. Those of the SDK look at nothing but these bits, and an answer of
    theirs takes ten times as long as a comparison.
    """
    sampling, kind = sys.modules["opentelemetry.sdk.trace.sampling"], type(sampler)
    # Not their subclasses, which may answer otherwise.
    if kind in (sampling.ParentBased, sampling.ParentBasedTraceIdRatio):
        return _bound_of(getattr(sampler, "_root", None))
    if kind is sampling.TraceIdRatioBased and sampler.TRACE_ID_LIMIT == _SAMPLED_BITS:
        bound: int = sampler.bound
        return bound
    return 0 if kind is sampling.StaticSampler and sampler.get_description() == "AlwaysOffSampler" else None


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
