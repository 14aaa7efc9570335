"""Spans of runs and nodes, by every way to run, in this process."""

import threading
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.runner import ParallelRunner, ThreadRunner
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.session import AsyncSession, KedroServiceSession, KedroSession
from kedro_asgi.trace_context import current_trace_headers
from kedro_asgi.tracing.activation import begin_run_span
from kedro_asgi.tracing.propagation import context_of
from tracing.conftest import Spans, is_child, use_provider

NODES = """
import anyio
from opentelemetry import trace
from kedro_asgi.pipeline import Pipeline, node

tracer = trace.get_tracer("user")
tries = []

def add(x, y):
    with tracer.start_as_current_span("user add"):
        return x + y

async def double(x):
    with tracer.start_as_current_span("user double"):
        await anyio.sleep(0)
        return 2 * x

def boom(x):
    raise ValueError("boom at s3://user:secret@bucket")

def flaky(x):
    tries.append(x)
    if len(tries) < 3:
        raise OSError("not yet")
    return x

def register_pipelines():
    calc = Pipeline([
        node(add, ["params:a", "params:b"], "s", name="add", tags="sums"),
        node(double, "s", "d", name="double"),
    ])
    return {
        "__default__": calc,
        "boom": Pipeline([node(boom, "params:a", "never", name="boom")]),
        "flaky": Pipeline([node(flaky, "params:a", "out", name="flaky")]),
        "wide": Pipeline([node(add, ["params:a", "params:b"], f"w{n}", name=f"w{n}") for n in range(3)]),
    }
"""

PLACE = """
from opentelemetry import trace
from kedro_asgi.pipeline import Pipeline, node

def place(x):
    return trace.get_current_span().get_span_context().span_id

def register_pipelines():
    return {"__default__": Pipeline([node(place, "params:a", "span", name="place")])}
"""


@pytest.fixture
def project(make_project) -> Path:
    return make_project(NODES)


@pytest.fixture
def session(project: Path) -> KedroServiceSession:
    return KedroServiceSession.create(project_path=project)


def test_a_run_and_its_nodes_are_spans_below_that_of_the_caller(session: KedroServiceSession, spans: Spans) -> None:
    with trace.get_tracer("host").start_as_current_span("host"):
        result = session.execute(RunSpec())
    run, add, double = spans.one("run __default__"), spans.one("node add"), spans.one("node double")
    assert is_child(run, spans.one("host"))
    assert is_child(add, run)
    assert is_child(double, run)
    assert dict(run.attributes or {}) == {
        "kedro.run.id": result.run_id,
        "kedro.run.attempt": 1,
        "kedro.run.status": "success",
        "kedro.pipeline.names": ("__default__",),
        "kedro.env": "local",
    }
    assert add.attributes["kedro.node.tags"] == ("sums",)
    assert add.attributes["code.function.name"].endswith(".pipeline_registry.add")
    assert add.instrumentation_scope.name == "kedro_asgi"


def test_spans_of_nodes_of_any_kind_are_below_their_nodes(session: KedroServiceSession, spans: Spans) -> None:
    session.execute(RunSpec())
    assert is_child(spans.one("user add"), spans.one("node add"))
    assert is_child(spans.one("user double"), spans.one("node double"))


def test_threads_of_a_run_have_the_spans_of_their_nodes(session: KedroServiceSession, spans: Spans) -> None:
    session.execute(RunSpec.of("wide"), runner=ThreadRunner())
    nodes = {span.context.span_id: span for name in ("w0", "w1", "w2") for span in spans.named(f"node {name}")}
    assert {span.parent.span_id for span in spans.named("user add")} == set(nodes)
    assert all(is_child(node, spans.one("run wide")) for node in nodes.values())


def test_an_error_is_recorded_without_credentials(session: KedroServiceSession, spans: Spans) -> None:
    with pytest.raises(ValueError, match="boom"):
        session.execute(RunSpec.of("boom"))
    for span in (spans.one("node boom"), spans.one("run boom")):
        event = span.events[0]
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "ValueError"
        assert event.name == "exception"
        assert event.attributes["exception.message"] == "boom at s3://<redacted>@bucket"
        assert (
            "def boom" in event.attributes["exception.stacktrace"]
            or "in boom" in event.attributes["exception.stacktrace"]
        )
        assert "secret" not in str(event.attributes)
    assert spans.one("run boom").attributes["kedro.run.status"] == "failure"


def test_each_attempt_of_a_node_and_of_a_run_is_a_span(session: KedroServiceSession, spans: Spans) -> None:
    session.execute(RunSpec.of("flaky", retries={"node": {"retries": 2, "delay_seconds": 0}}))
    attempts = spans.named("node flaky")
    assert [span.attributes["kedro.node.attempt"] for span in attempts] == [1, 2, 3]
    assert [span.status.is_ok for span in attempts] == [False, False, True]
    assert all(is_child(span, spans.one("run flaky")) for span in attempts)


def test_each_attempt_of_a_run_is_a_span(session: KedroServiceSession, spans: Spans) -> None:
    session.execute(RunSpec.of("flaky", retries={"run": {"retries": 2, "delay_seconds": 0}}))
    runs = spans.named("run flaky")
    assert [span.attributes["kedro.run.attempt"] for span in runs] == [1, 2, 3]
    assert [span.attributes["kedro.run.status"] for span in runs] == ["failure", "failure", "success"]


def test_a_session_for_one_run_is_traced(project: Path, spans: Spans) -> None:
    with KedroSession.create(project_path=project) as session:
        session.run()
    assert is_child(spans.one("node add"), spans.one("run __default__"))


@pytest.mark.anyio
async def test_an_async_session_carries_the_span_of_its_caller(project: Path, spans: Spans) -> None:
    async with AsyncSession.create(project) as session:
        with trace.get_tracer("host").start_as_current_span("host"):
            await session.run()
    assert is_child(spans.one("run __default__"), spans.one("host"))
    assert is_child(spans.one("user double"), spans.one("node double"))


@pytest.mark.anyio
async def test_a_service_carries_the_span_of_each_caller(project: Path, spans: Spans) -> None:
    async with AsyncSession.create(project) as session, Dispatcher(session) as runs:
        with trace.get_tracer("host").start_as_current_span("first"):
            await runs.run(RunOrder(spec=RunSpec()))
        with trace.get_tracer("host").start_as_current_span("second"):
            record = await runs.submit(["boom"])
        ended = await runs.wait(record.run_id)
    first, boom = spans.one("run __default__"), spans.one("run boom")
    assert is_child(first, spans.one("first"))
    assert is_child(boom, spans.one("second"))
    assert is_child(spans.one("node boom"), boom)
    assert boom.status.status_code is StatusCode.ERROR
    assert ended.trace_context["traceparent"].split("-")[1] == f"{boom.context.trace_id:032x}"
    assert first.attributes["kedro.run.queue_seconds"] >= 0


@pytest.mark.anyio
async def test_runs_at_a_time_have_traces_of_their_own(project: Path, spans: Spans) -> None:
    import anyio

    async with AsyncSession.create(project) as session, Dispatcher(session) as runs, anyio.create_task_group() as tasks:

        async def run(name: str) -> None:
            with trace.get_tracer("host").start_as_current_span(name):
                record = await runs.submit()
                await runs.wait(record.run_id)

        for number in range(4):
            tasks.start_soon(run, f"caller {number}")
    traces = {span.context.trace_id: span.name for span in spans.all() if span.name.startswith("caller")}
    assert len(traces) == 4
    assert sorted(span.context.trace_id for span in spans.named("node double")) == sorted(traces)


def test_below_a_span_that_is_not_sampled_there_are_none(
    session: KedroServiceSession, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropping = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    with dropping.get_tracer("host").start_as_current_span("host"):
        session.execute(RunSpec())
    # The user's own tracer has a provider of its own decisions.
    assert not [span.name for span in spans.all() if not span.name.startswith("user")]
    use_provider(monkeypatch, dropping)
    session.execute(RunSpec())


@pytest.mark.anyio
async def test_a_promised_run_that_another_worker_takes_over_stays_dropped(
    project: Path, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropping = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    async with AsyncSession.create(project) as session, Dispatcher(session) as runs:
        with dropping.get_tracer("host").start_as_current_span("host") as host:
            record = await runs.wait((await runs.submit()).run_id)
            # No other worker ever goes on with a run that is not promised.
            unpromised = (await runs.run(RunOrder(spec=RunSpec()))).record
    assert record.trace_context["traceparent"].split("-")[1] == f"{host.get_span_context().trace_id:032x}"
    assert unpromised.trace_context is UNSET
    # The context of another worker, whose sampler keeps all traces.
    assert begin_run_span(record, Context()) is not None
    assert not [span.name for span in spans.all() if span.name.startswith(("run", "node"))]


def test_a_worker_process_has_the_span_of_its_node(make_project, spans: Spans) -> None:
    session = KedroServiceSession.create(project_path=make_project(PLACE))
    result = session.execute(RunSpec(), runner=ParallelRunner())
    session.close()
    assert result.outputs == {"span": spans.one("node place").context.span_id}


def test_without_a_provider_nothing_is_traced(session: KedroServiceSession) -> None:
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(session.execute(RunSpec())))
    thread.start()
    thread.join()
    assert seen[0].outputs == {"d": 6}


def test_a_long_trace_state_is_not_kept() -> None:
    def headers(state: str) -> Any:
        headers = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": state}
        token = attach(context_of(headers))
        try:
            return current_trace_headers()
        finally:
            detach(token)

    assert headers("vendor=1")["tracestate"] == "vendor=1"
    assert "tracestate" not in headers(",".join(f"v{n}={'x' * 200}" for n in range(4)))
