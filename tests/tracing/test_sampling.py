"""The sampler of a tracer provider is asked once for each request, and its answer holds for all of the trace."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import RandomIdGenerator, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import SpanKind
from opentelemetry.trace.span import TraceState
from starlette.responses import JSONResponse

from kedro_asgi.server import create_http_server
from tracing.conftest import Spans, use_provider
from tracing.test_request_spans import PARENT, TRACE, call

NODES = """
from opentelemetry.propagate import inject
from kedro_asgi.pipeline import Pipeline, node

def place():
    headers = {}
    inject(headers)
    return headers

def register_pipelines():
    return {"__default__": Pipeline([node(place, None, "place", name="place")])}
"""


class Asked(Sampler):
    """Answers as another sampler does, and remembers the questions."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self.questions: list[dict[str, Any]] = []

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
        parent = trace.get_current_span(parent_context).get_span_context()
        facts = {"trace_id": trace_id, "name": name, "kind": kind, "attributes": dict(attributes or {})}
        self.questions.append({**facts, "links": links, "parent": parent.span_id})
        return self._sampler.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        return "asked"


class Marking(Sampler):
    """Keeps each trace, and adds an attribute and a state to it."""

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
        marked = {**(attributes or {}), "tests.kept": True}
        return SamplingResult(Decision.RECORD_AND_SAMPLE, marked, TraceState([("tests", "kept")]))

    def get_description(self) -> str:
        return "marking"


class Counted(RandomIdGenerator):
    """Makes ids of traces by counting."""

    latest = 0

    def generate_trace_id(self) -> int:
        self.latest += 1
        return self.latest


Traced = Callable[..., tuple[Any, Spans]]


@pytest.fixture
def traced(make_project, monkeypatch: pytest.MonkeyPatch) -> Traced:
    """Return a function that makes an application whose process has a provider with that sampler."""
    project: Path = make_project(NODES)

    def make(sampler: Sampler, **options: Any) -> tuple[Any, Spans]:
        exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False, **options)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        use_provider(monkeypatch, provider)
        return create_http_server(project, store="memory:"), Spans(exporter)

    return make


def run(app: Any, **headers: str) -> tuple[int, bool, str]:
    """Run the pipeline; return the trace that its node works in, whether that is sampled, and its state."""
    place = call(app, "POST", "/run", json={"outputs": ["place"]}, headers=headers).json()["outputs"]["place"]
    _, trace_id, _, flags = place["traceparent"].split("-")
    return int(trace_id, 16), bool(int(flags, 16) & 1), place.get("tracestate", "")


def test_the_sampler_is_asked_once_for_a_request_that_it_drops(traced: Traced) -> None:
    sampler = Asked(ALWAYS_OFF)
    app, spans = traced(sampler)
    trace_id, is_sampled, _ = run(app)
    assert sampler.questions == [
        {
            "trace_id": trace_id,
            "name": "POST",
            "kind": SpanKind.SERVER,
            "attributes": {"http.request.method": "POST", "url.path": "/run", "url.scheme": "http"},
            "links": (),
            "parent": 0,
        }
    ]
    assert not is_sampled
    assert spans.all() == []


def test_a_span_that_is_kept_has_the_trace_that_the_sampler_was_asked_for(traced: Traced) -> None:
    sampler = Asked(ALWAYS_ON)
    app, spans = traced(sampler)
    trace_id, is_sampled, _ = run(app)
    assert [question["name"] for question in sampler.questions] == ["POST", "run __default__", "node place"]
    assert {question["trace_id"] for question in sampler.questions} == {trace_id}
    assert is_sampled
    assert spans.one("POST /run").context.trace_id == trace_id


def test_each_trace_is_kept_or_dropped_as_its_id_says(traced: Traced) -> None:
    app, spans = traced(ParentBasedTraceIdRatio(0.5))
    bound = TraceIdRatioBased.get_bound_for_rate(0.5)
    seen = [run(app) for _ in range(20)]
    assert all(is_sampled == (trace_id % 2**64 < bound) for trace_id, is_sampled, _ in seen)
    kept = {trace_id for trace_id, is_sampled, _ in seen if is_sampled}
    assert {span.context.trace_id for span in spans.all()} == kept


@pytest.mark.parametrize(("sampler", "flags"), [(ParentBased(ALWAYS_ON), "00"), (ParentBased(ALWAYS_OFF), "01")])
def test_the_caller_decides_about_its_trace(traced: Traced, sampler: Sampler, flags: str) -> None:
    asked = Asked(sampler)
    app, spans = traced(asked)
    assert run(app, traceparent=PARENT[:-2] + flags, tracestate="vendor=1") == (TRACE, flags == "01", "vendor=1")
    assert [question["parent"] for question in asked.questions][:1] == [0xB7AD6B7169203331]
    assert bool(spans.all()) == (flags == "01")


def test_a_sampler_may_add_to_a_span_that_it_keeps(traced: Traced) -> None:
    app, spans = traced(Marking())
    assert run(app)[2] == "tests=kept"
    assert spans.one("POST /run").attributes["tests.kept"] is True
    assert spans.one("POST /run").attributes["url.path"] == "/run"


class Contrary(TraceIdRatioBased):
    """Keeps the traces that its base drops."""

    def should_sample(self, *question: Any, **more: Any) -> SamplingResult:
        return ALWAYS_ON.should_sample(*question, **more)


@pytest.mark.parametrize("root", [Contrary(0.0), ParentBased(Contrary(0.0))])
def test_a_sampler_that_is_derived_from_one_of_the_sdk_is_asked(traced: Traced, root: Sampler) -> None:
    app, spans = traced(ParentBased(root))
    assert run(app)[1]
    assert spans.one("POST /run").parent is None


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ParentBasedTraceIdRatio(0.0)])
def test_all_that_a_dropped_request_calls_gets_the_same_ids(traced: Traced, sampler: Sampler) -> None:
    app, spans = traced(sampler)
    app.add_route("/places", _places)
    first, second = (call(app, "GET", "/places").json() for _ in range(2))
    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]
    assert first[0].endswith(("-00", "-02"))
    assert spans.all() == []


async def _places(_request: Any) -> JSONResponse:
    """Ask for the current place several times: here, in threads, and in a tracer of other code."""

    def place() -> str:
        with trace.get_tracer("other").start_as_current_span("other"):
            pass
        headers: dict[str, str] = {}
        inject(headers)
        return headers["traceparent"]

    return JSONResponse([*await asyncio.gather(*(asyncio.to_thread(place) for _ in range(4))), place()])


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF])
def test_ids_come_from_the_generator_of_the_provider(traced: Traced, sampler: Sampler) -> None:
    app, _ = traced(sampler, id_generator=Counted())
    assert [run(app)[0] for _ in range(3)] == [1, 2, 3]


def test_applications_of_one_provider_ask_once(traced: Traced, tiny: Path) -> None:
    sampler = Asked(ALWAYS_ON)
    app, spans = traced(sampler)
    other = create_http_server(tiny, store="memory:")
    for each in (app, other, app):
        call(each, "GET", "/health")
    assert len(sampler.questions) == len(spans.named("GET /health")) == 3
    assert [question["trace_id"] for question in sampler.questions] == [
        span.context.trace_id for span in spans.named("GET /health")
    ]
