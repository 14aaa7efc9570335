"""Spans of requests, in applications of this process: alone, and mounted in a host that makes spans itself."""

from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from opentelemetry import trace
from opentelemetry.context import attach, detach, get_current
from opentelemetry.trace import SpanKind, StatusCode
from starlette.applications import Starlette
from starlette.routing import Mount

from kedro_asgi.client import AsyncClient
from kedro_asgi.server import create_http_server
from kedro_asgi.tracing.propagation import CurrentContext
from tracing.conftest import Spans, is_child

TRACE = 0x0AF7651916CD43DD8448EB211C80319C
PARENT = f"00-{TRACE:032x}-b7ad6b7169203331-01"


def call(app: Any, method: str, path: str, **options: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)

    return anyio.run(send)


@pytest.fixture
def app(tiny: Path, spans: Spans) -> Starlette:
    return create_http_server(tiny, store="memory:")


def test_a_span_has_the_facts_of_its_request(app: Starlette, spans: Spans) -> None:
    call(app, "GET", "/runs/none?secret=1", headers={"User-Agent": "tests"})
    (span,) = spans.all()
    assert span.name == "GET /runs/{run_id}"
    assert span.kind is SpanKind.SERVER
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/runs/{run_id}",
        "http.response.status_code": 404,
        "url.path": "/runs/none",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "client.address": "127.0.0.1",
        "client.port": 123,
        "server.address": "localhost",
        "user_agent.original": "tests",
        "kedro.request.id": span.attributes["kedro.request.id"],
    }
    assert span.status.status_code is StatusCode.UNSET


def test_an_error_of_the_server_is_one_of_the_span(app: Starlette, spans: Spans) -> None:
    async def fail(request: Any) -> Any:
        raise RuntimeError("broken")

    app.add_route("/broken", fail)
    assert call(app, "GET", "/broken", headers={"X-Request-ID": "ticket-1"}).headers["x-request-id"] == "ticket-1"
    span = spans.one("GET /broken")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["http.response.status_code"] == 500
    assert span.events[0].attributes["exception.message"] == "broken"


def test_a_method_that_http_does_not_know_makes_no_name(app: Starlette, spans: Spans) -> None:
    call(app, "BREW", "/nowhere")
    span = spans.one("HTTP")
    assert (span.attributes["http.request.method"], span.attributes["http.request.method_original"]) == (
        "_OTHER",
        "BREW",
    )


@pytest.mark.parametrize(
    "header",
    ["", "garbage", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "ff-" + PARENT[3:], "\u00ff" * 9],
)
def test_a_wrong_trace_header_begins_a_trace(app: Starlette, spans: Spans, header: str) -> None:
    assert call(app, "GET", "/health", headers={"traceparent": header.encode("latin-1")}).status_code == 200
    assert spans.one("GET /health").parent is None


def test_a_caller_that_does_not_sample_gets_no_spans(app: Starlette, spans: Spans) -> None:
    assert call(app, "POST", "/run", json={}, headers={"traceparent": PARENT[:-1] + "0"}).json()["status"] == "success"
    assert spans.all() == []


def test_paths_may_be_excluded(tiny: Path, spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_EXCLUDED_URLS", "health, ready")
    app = create_http_server(tiny, store="memory:")
    call(app, "GET", "/health")
    call(app, "GET", "/runs")
    assert [span.name for span in spans.all()] == ["GET /runs"]


def test_below_the_span_of_a_host_there_is_no_second_one(app: Starlette, spans: Spans) -> None:
    mounted = Starlette(routes=[Mount("/kedro", app)])

    async def host(scope: Any, receive: Any, send: Any) -> None:
        with trace.get_tracer("host").start_as_current_span("host"):
            await mounted(scope, receive, send)

    answer = call(host, "POST", "/kedro/run", json={})
    assert "x-request-id" in answer.headers
    assert is_child(spans.one("run __default__"), spans.one("host"))
    assert not [span for span in spans.all() if span.kind is SpanKind.SERVER]


def test_a_request_that_begins_in_the_context_of_another_has_a_trace_of_its_own(app: Starlette, spans: Spans) -> None:
    """As the second of two requests that a client has sent at once on one connection."""
    sent: list[Any] = []

    async def second() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
            await client.get("/runs")

    async def first() -> None:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/health",
            "scheme": "http",
            "http_version": "1.1",
            "headers": [],
            "query_string": b"",
            "root_path": "",
            "client": ("a", 1),
            "server": ("b", 2),
        }

        async def send(message: Any) -> None:
            sent.append(message)
            if message["type"] == "http.response.start":
                await second()

        await app(scope, lambda: None, send)

    anyio.run(first)
    assert spans.one("GET /runs").parent is None
    assert spans.one("GET /runs").context.trace_id != spans.one("GET /health").context.trace_id


def test_the_current_span_may_be_kept_elsewhere_than_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then only the functions of the API know the place."""
    assert CurrentContext.of_process().attach is not attach
    monkeypatch.setenv("OTEL_PYTHON_CONTEXT", "elsewhere")
    assert CurrentContext.of_process() == CurrentContext(get_current, attach, detach)


def test_the_client_tells_the_server_of_its_span(app: Starlette, spans: Spans) -> None:
    told: list[str | None] = []

    async def note(request: httpx.Request) -> None:
        told.append(request.headers.get("traceparent"))

    async def call_twice() -> None:
        async with AsyncClient("http://localhost", app=app, event_hooks={"request": [note]}) as client:
            with trace.get_tracer("host").start_as_current_span("caller"):
                await client.run()
            await client.health()

    anyio.run(call_twice)
    caller = spans.one("caller").context
    assert told == [f"00-{caller.trace_id:032x}-{caller.span_id:016x}-{caller.trace_flags:02x}", None]
