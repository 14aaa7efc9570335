"""Makes the spans of runs and nodes.

Names and attributes are those of OpenTelemetry's semantic conventions; what these do not know is below ``kedro.``.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context as CallContext
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import UNSET
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Link, Span, Status, StatusCode

from kedro_asgi.errors import RunStoppedError
from kedro_asgi.errors.wording import bounded
from kedro_asgi.failures import describe_cause, shown
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runs import ErrorCause, RunRecord, RunSpec
from kedro_asgi.tracebacks import folded_traceback
from kedro_asgi.tracing.propagation import context_of

if TYPE_CHECKING:
    from kedro_asgi.pipeline.steps import Step
    from kedro_asgi.tracing.request_spans import RequestSpans

_MAX_NAME = 200
# Read from files, so only once, and not on an event loop.
_VERSION = version("kedro-asgi")


@lru_cache(4)
def tracer_of(provider: trace.TracerProvider) -> "Tracer":
    """Return what makes spans with ``provider``."""
    return Tracer(provider.get_tracer("kedro_asgi", _VERSION))


class Tracer:
    """Makes spans; thread-safe."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self.tracer = tracer

    @contextmanager
    def run(self, run_id: str, spec: RunSpec, env: str | None) -> Iterator[None]:
        """Make a span for this block, which is an attempt of a run; it is the current one meanwhile."""
        span = self._start_run(_run_facts(run_id, spec.slice.pipeline_names, env, spec.attempt))
        token = attach(trace.set_span_in_context(span))
        try:
            yield
            span.set_attribute("kedro.run.status", "success")
        except BaseException as error:
            span.set_attribute("kedro.run.status", error.status if isinstance(error, RunStoppedError) else "failure")
            record_error(span, error)
            raise
        finally:
            detach(token)
            span.end()

    def begin_run(self, record: RunRecord) -> "RunSpan":
        """Start the span of an attempt of a run, and make it the current one of this context, in which the run goes on.

        Its parent is the current one; if there is none, as in a run of another worker, it is the one that the record
        names.
        """
        parent = None
        if record.trace_context is not UNSET and not trace.get_current_span().get_span_context().is_valid:
            parent = context_of(record.trace_context)
        facts = _run_facts(record.run_id, record.pipeline_names, record.env, record.run_attempt)
        if record.started_at is not None and record.run_attempt == 1:
            facts["kedro.run.queue_seconds"] = (record.started_at - record.created_at).total_seconds()
        span = self._start_run(facts, parent)
        attach(trace.set_span_in_context(span, parent))
        return RunSpan(span)

    def begin_batch(
        self, batch_id: str, pipeline_names: Sequence[str], rows: int, members: "Sequence[BatchedRun]"
    ) -> "BatchSpan | None":
        """Start the span of runs that are executed as one, and make it the current one of this context.

        Its parent is the span of the first run whose trace is sampled, and it has links to those of the others. If none
        is, the batch belongs to the first run's trace, which is dropped, so its nodes make no spans.
        """
        sampled = [member.span for member in members if member.span is not None and member.span.is_sampled]
        if not sampled:
            attach(trace.set_span_in_context(members[0].context.run(trace.get_current_span), Context()))
            return None
        names = _shown_names(pipeline_names)
        facts: dict[str, Any] = {
            "kedro.batch.id": batch_id,
            "kedro.batch.runs": len(members),
            "kedro.batch.rows": rows,
            "kedro.pipeline.names": names,
        }
        span = self.tracer.start_span(
            bounded(f"batch {', '.join(names)}", _MAX_NAME),
            trace.set_span_in_context(sampled[0].span, Context()),
            attributes=facts,
            links=[Link(run.span.get_span_context()) for run in sampled[1:]],
        )
        for run in sampled:
            run.span.set_attribute("kedro.batch.id", batch_id)
        for run in sampled[1:]:
            run.span.add_link(span.get_span_context())
        attach(trace.set_span_in_context(span, Context()))
        return BatchSpan(span)

    def request_spans(self) -> "RequestSpans":
        """Return what makes the spans of requests."""
        from kedro_asgi.tracing.request_spans import RequestSpans

        return RequestSpans(self.tracer)

    def node_spans(self, run_id: str) -> "NodeSpans":
        """Return what makes the spans of the nodes of one run."""
        return NodeSpans(self.tracer, run_id)

    def _start_run(self, facts: dict[str, Any], parent: Context | None = None) -> Span:
        name = f"run {', '.join(facts['kedro.pipeline.names'])}"
        return self.tracer.start_span(bounded(name, _MAX_NAME), parent, attributes=facts)


class RunSpan:
    """The span of one attempt of a run that the service executes."""

    def __init__(self, span: Span) -> None:
        self.span = span

    @property
    def is_sampled(self) -> bool:
        """Whether the span is exported."""
        return self.span.get_span_context().trace_flags.sampled

    def end(self, status: str, error: ErrorCause | None) -> None:
        """End the span of an attempt; ``error`` says why it failed, or why it was stopped.

        The span of the node that failed has the error with its traceback, unless its process was killed.
        """
        self.span.set_attribute("kedro.run.status", status)
        if error is not None and status not in ("success", "cancelled", "interrupted"):
            _fail(self.span, error)
        self.span.end()


class BatchedRun(Protocol):
    """A run that is executed with others: its span, if it has one, and the context of its caller."""

    span: RunSpan | None
    context: CallContext


class BatchSpan:
    """The span of several runs that an executor executes as one."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def end(self, error: ErrorCause | None) -> None:
        """End the span; ``error`` says why the runs failed as one."""
        if error is not None:
            _fail(self._span, error)
        self._span.end()


class NodeSpans:
    """Makes a span for each attempt of each node of a run; threads of the run may share it."""

    def __init__(self, tracer: trace.Tracer, run_id: str) -> None:
        self._tracer = tracer
        self._run_id = run_id
        # The attempts of one node follow each other, so no two threads count the same node.
        self._attempts: Counter[str] = Counter()

    def run(self, step: "Step", work: Callable[["Step"], None]) -> None:
        """Do an attempt of a node in a span, which is the current one of the thread meanwhile."""
        span = self._start(step)
        token = attach(trace.set_span_in_context(span))
        try:
            work(step)
        except BaseException as error:
            record_error(span, error)
            raise
        finally:
            detach(token)
            span.end()

    def _start(self, step: "Step") -> Span:
        self._attempts[step.name] += 1
        attributes: dict[str, Any] = {
            "kedro.run.id": self._run_id,
            "kedro.node.name": step.name,
            "kedro.node.attempt": self._attempts[step.name],
        }
        if tags := step.node.tags:
            attributes["kedro.node.tags"] = sorted(tags)
        function = step.node.func
        if (name := getattr(function, "__qualname__", None)) is not None:
            attributes["code.function.name"] = f"{function.__module__}.{name}"
        return self._tracer.start_span(bounded(f"node {step.name}", _MAX_NAME), attributes=attributes)


def record_error(span: Span, error: BaseException) -> None:
    """Let a span fail with ``error``, whose texts are bounded and hold no credentials; a stop is no failure."""
    if isinstance(error, RunStoppedError) and error.status == "cancelled":
        span.set_attribute("kedro.is_cancelled", True)
    elif span.is_recording():
        try:
            cause, stack = describe_cause(error), shown(folded_traceback(error))
        except Exception as problem:  # an error of user code may raise anything when it is looked at
            cause, stack = ErrorCause(type=type(error).__qualname__, message=f"({type(problem).__qualname__})"), ""
        _fail(span, cause, stack=stack)


def _fail(span: Span, cause: ErrorCause, *, stack: str = "") -> None:
    span.set_attribute("error.type", cause.type)
    span.set_status(Status(StatusCode.ERROR, f"{cause.type}: {cause.message}"))
    facts = {"exception.type": cause.type, "exception.message": cause.message}
    span.add_event("exception", {**facts, "exception.stacktrace": stack} if stack else facts)


def _run_facts(run_id: str, pipeline_names: Sequence[str], env: str | None, attempt: int) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "kedro.run.id": run_id,
        "kedro.run.attempt": attempt,
        "kedro.pipeline.names": _shown_names(pipeline_names),
    }
    return facts if env is None else {**facts, "kedro.env": env}


def _shown_names(pipeline_names: Sequence[str]) -> list[str]:
    # A caller may ask for pipelines of any name.
    return [shown(name) for name in pipeline_names or (DEFAULT_PIPELINE,)]
