"""Real servers with ``--otel`` send their spans to a real receiver of OTLP."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving import Process
from tracing.conftest import Collector

NODES = """
import logging, os, time
from pathlib import Path
from opentelemetry import trace
from kedro_asgi.pipeline import Pipeline, node

def add(x, y):
    with trace.get_tracer("user").start_as_current_span("user add") as span:
        span.set_attribute("pid", os.getpid())
        logging.getLogger("elsewhere").warning("added")
        return x + y

def hold(x):
    while not Path("{folder}/opened").exists():
        time.sleep(0.01)
    return x

def crash(x):
    os._exit(3)

def register_pipelines():
    return {
        "__default__": Pipeline([node(add, ["params:a", "params:b"], "s", name="add")]),
        "held": Pipeline([node(hold, "params:a", "h", name="hold"), node(str, "h", "t", name="after")]),
        "crash": Pipeline([node(crash, "params:a", "never", name="crash")]),
    }
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "tracestate": "vendor=1", "X-Request-ID": "ticket-1"}


@pytest.fixture
def serve(
    make_project: Callable[..., Path], tmp_path: Path, start: Callable[..., Process], collector: Collector
) -> Callable[..., Process]:
    """Return a function that starts a server which exports spans to the collector."""
    project = make_project(NODES.replace("{folder}", str(tmp_path)))
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def started(*options: str, **more: str) -> Process:
        return start("kedro_asgi", "serve", project, "--otel", *options, **{**environ, **more})

    return started


def named(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda span: span["name"] == name


def test_a_request_its_run_and_nodes_are_one_trace_which_log_lines_name(
    serve: Callable[..., Process], collector: Collector
) -> None:
    server = serve("--workers", "2")
    answer = httpx.post(f"{server.url}/run", json={}, headers=HEADERS)
    assert answer.headers["x-request-id"] == "ticket-1"
    (request,) = collector.wait_for(lambda span: span["name"] == "POST /run" and span["trace_id"] == TRACE)
    (run,) = collector.wait_for(named("run __default__"))
    (add,) = collector.wait_for(named("node add"))
    (user,) = collector.wait_for(named("user add"))
    assert [request["parent"], request["state"], request["kind"]] == ["b7ad6b7169203331", "vendor=1", 2]
    assert [run["parent"], add["parent"], user["parent"]] == [request["span_id"], run["span_id"], add["span_id"]]
    assert {span["trace_id"] for span in (run, add, user)} == {TRACE}
    assert run["kedro.run.id"] == answer.json()["run_id"]
    assert request["http.response.status_code"] == 200
    assert request["http.route"] == "/run"
    assert collector.services == {"kedro-asgi"}
    log = server.log_with("added", "completed", "POST /run")
    assert f"elsewhere: [{run['kedro.run.id']} add trace={TRACE}] added" in log
    assert f"[trace={TRACE}] Pipeline run {run['kedro.run.id']} completed" in log
    assert f"uvicorn.access: [trace={TRACE}] 127.0.0.1" in log


@pytest.mark.slow
def test_a_run_in_a_process_is_one_trace(serve: Callable[..., Process], collector: Collector) -> None:
    server = serve("--executor", "process")
    httpx.post(f"{server.url}/run", json={}, headers=HEADERS, timeout=60)
    (run,) = collector.wait_for(named("run __default__"))
    (add,) = collector.wait_for(named("node add"))
    (user,) = collector.wait_for(named("user add"))
    assert [add["parent"], user["parent"]] == [run["span_id"], add["span_id"]]
    assert {span["trace_id"] for span in (run, add, user)} == {TRACE}
    assert user["pid"] != server.process.pid
    httpx.post(f"{server.url}/run", json={"pipeline_names": ["crash"]}, headers=HEADERS, timeout=60)
    (crashed,) = collector.wait_for(named("run crash"))
    assert [crashed["status"], crashed["error.type"], crashed["trace_id"]] == [2, "RunCrashedError", TRACE]


@pytest.mark.slow
def test_a_run_that_another_worker_takes_over_goes_on_in_its_trace(
    serve: Callable[..., Process], collector: Collector, tmp_path: Path
) -> None:
    server = serve("--workers", "2")
    body = {"pipeline_names": ["held"], "on_interrupt": "rerun"}
    record = httpx.post(f"{server.url}/runs", json=body, headers=HEADERS).json()
    run_id, place = record["run_id"], record["trace_context"]
    while httpx.get(f"{server.url}/runs/{run_id}/nodes").json()["nodes"] == []:
        time.sleep(0.01)
    server.kill()
    (tmp_path / "opened").touch()
    server.restart()
    (run,) = collector.wait_for(named("run held"))
    assert place == {"traceparent": f"00-{TRACE}-{run['parent']}-01", "tracestate": "vendor=1"}
    assert run["trace_id"] == TRACE
    assert run["kedro.run.id"] != run_id
    events = httpx.get(f"{server.url}/runs/{run['kedro.run.id']}/events", timeout=60).text
    (queued,) = (line for line in events.splitlines() if line.startswith("data: ") and '"RunQueued"' in line)
    assert f'"trace_id":"{TRACE}"' in queued, events


@pytest.mark.slow
def test_the_last_spans_are_sent_when_the_server_ends(serve: Callable[..., Process], collector: Collector) -> None:
    server = serve(OTEL_BSP_SCHEDULE_DELAY="60000")
    httpx.post(f"{server.url}/run", json={})
    server.process.terminate()
    assert server.process.wait(120) == 0
    assert [span["name"] for span in collector.spans if span["name"].startswith("run ")] == ["run __default__"]
    assert any(span["name"] == "POST /run" for span in collector.spans)
