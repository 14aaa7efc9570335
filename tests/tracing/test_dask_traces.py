"""Runs on a real Dask cluster, and nodes on one, stay in the traces of their callers."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dask_processes import DaskProcesses
from serving import Process
from tracing.conftest import Collector

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NODES = """
import os
from kedro_asgi.pipeline import Pipeline, node

try:
    from opentelemetry import trace
except ImportError:
    trace = None

def add(x, y):
    if trace is None:
        return "untraced"
    with trace.get_tracer("user").start_as_current_span("user add") as span:
        span.set_attribute("pid", os.getpid())
        return x + y

async def double(x):
    with trace.get_tracer("user").start_as_current_span("user double"):
        return 2 * x

def count(x):
    with trace.get_tracer("user").start_as_current_span("user count"):
        for number in range(x):
            yield number

def boom(x):
    raise ValueError("boom")

def register_pipelines():
    return {
        "__default__": Pipeline([
            node(add, ["params:a", "params:b"], "s", name="add"),
            node(double, "s", "d", name="double"),
            node(count, "d", "numbers", name="count"),
        ]),
        "one": Pipeline([node(add, ["params:a", "params:b"], "s", name="add")]),
        "boom": Pipeline([node(boom, "params:a", "never", name="boom")]),
    }
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SAMPLED, DROPPED = ({"traceparent": f"00-{TRACE}-{CALLER}-{flags}"} for flags in ("01", "00"))
OTHER_TRACE = "1" * 32
OTHER = {"traceparent": f"00-{OTHER_TRACE}-{CALLER}-01"}


@pytest.fixture
def project(make_project: Callable[..., Path]) -> Path:
    return make_project(NODES)


@pytest.fixture
def exported(collector: Collector) -> dict[str, str]:
    """The variables by which a process exports its spans to the collector."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}


@pytest.fixture
def cluster(project: Path, tmp_path: Path, exported: dict[str, str]) -> Iterator[DaskProcesses]:
    """A scheduler whose workers export spans as the service ``worker``."""
    environ = {**exported, "OTEL_SERVICE_NAME": "worker", "KEDRO_SERVER_OTEL": "true"}
    with DaskProcesses(project, tmp_path, environ=environ) as cluster:
        yield cluster


@pytest.fixture
def serve(project: Path, start: Callable[..., Process], exported: dict[str, str]) -> Callable[..., Process]:
    """Return a function that starts a server which exports spans as the service ``server``."""

    def started(*options: str) -> Process:
        return start("kedro_asgi", "serve", project, "--otel", *options, **exported, OTEL_SERVICE_NAME="server")

    return started


def named(name: str, trace_id: str = TRACE) -> Callable[[dict[str, Any]], bool]:
    return lambda span: span["name"] == name and span["trace_id"] == trace_id


def run(server: Process, headers: dict[str, str], **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(f"{server.url}/run", json=body, headers=headers, timeout=120).json()
    return answer


def chain(collector: Collector, *names: str) -> list[dict[str, Any]]:
    """Wait for spans of these names, each of which is the parent of the next one."""
    found = [collector.wait_for(named(name))[0] for name in names]
    assert [span["parent"] for span in found[1:]] == [span["span_id"] for span in found[:-1]]
    return found


def test_a_worker_exports_the_nodes_of_a_run_below_the_run_of_the_server(
    serve: Callable[..., Process], cluster: DaskProcesses, collector: Collector
) -> None:
    cluster.start_worker("w1")
    server = serve("--executor", "dask", "--dask-scheduler", cluster.scheduler)
    answer = run(server, SAMPLED)
    assert answer["status"] == "success", answer
    request, ran, add, user = chain(collector, "POST /run", "run __default__", "node add", "user add")
    assert request["parent"] == CALLER
    assert [span["service"] for span in (request, ran, add, user)] == ["server", "server", "worker", "worker"]
    assert ran["kedro.run.id"] == add["kedro.run.id"] == answer["run_id"]
    assert user["pid"] == cluster.pid("w1")
    chain(collector, "run __default__", "node double", "user double")
    chain(collector, "run __default__", "node count", "user count")
    # The worker makes no second span of the run.
    assert [span["service"] for span in collector.spans if span["name"] == "run __default__"] == ["server"]


def test_runs_of_a_worker_have_traces_of_their_own_and_dropped_ones_none(
    serve: Callable[..., Process], cluster: DaskProcesses, collector: Collector
) -> None:
    cluster.start_worker("w1")
    server = serve("--executor", "dask", "--dask-scheduler", cluster.scheduler)
    assert run(server, DROPPED, pipeline_names=["one"])["status"] == "success"
    assert run(server, SAMPLED, pipeline_names=["boom"])["status"] == "failure"
    assert run(server, OTHER, pipeline_names=["one"])["status"] == "success"
    _, failed = chain(collector, "run boom", "node boom")
    assert [failed["status"], failed["error.type"], failed["events"]] == [2, "ValueError", ["exception"]]
    # The last one comes after what the worker would have sent of the others.
    (ended,) = collector.wait_for(named("user add", OTHER_TRACE))
    assert ended["service"] == "worker"
    assert [span for span in collector.spans if span["trace_id"] == TRACE and "add" in span["name"]] == []


def test_the_workers_of_a_local_cluster_export_their_spans(serve: Callable[..., Process], collector: Collector) -> None:
    server = serve("--executor", "dask")
    assert run(server, SAMPLED, pipeline_names=["one"])["status"] == "success"
    user = chain(collector, "POST /run", "run one", "node add", "user add")[-1]
    assert user["pid"] != server.process.pid


@pytest.mark.parametrize("preload", [True, False], ids=["preloaded", "plain"])
def test_nodes_that_a_run_spreads_over_workers_are_in_its_trace(
    serve: Callable[..., Process], cluster: DaskProcesses, collector: Collector, preload: bool
) -> None:
    cluster.start_worker("w1", preload=preload)
    cluster.start_worker("w2", preload=preload)
    server = serve("--dask-scheduler", cluster.scheduler)
    answer = run(server, SAMPLED, runner="DaskRunner")
    assert answer["status"] == "success", answer
    spans = chain(collector, "POST /run", "run __default__", "node add", "user add")
    assert [span["service"] for span in spans] == ["server", "server", "server", "worker"]
    assert spans[-1]["pid"] in (cluster.pid("w1"), cluster.pid("w2"))
    chain(collector, "run __default__", "node double", "user double")
    chain(collector, "run __default__", "node count", "user count")


@pytest.mark.parametrize("options", [("--executor", "dask"), ()], ids=["executor", "runner"])
def test_a_worker_without_opentelemetry_works_for_a_server_that_traces(
    serve: Callable[..., Process], project: Path, tmp_path: Path, collector: Collector, options: tuple[str, ...]
) -> None:
    hidden = tmp_path / "hidden" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").touch()
    path = os.pathsep.join((str(hidden.parent), *sys.path))
    with DaskProcesses(project, tmp_path, environ={"PYTHONPATH": path}) as cluster:
        cluster.start_worker("w1")
        server = serve("--dask-scheduler", cluster.scheduler, *options)
        runner = {} if options else {"runner": "DaskRunner"}
        answer = run(server, SAMPLED, pipeline_names=["one"], outputs=["s"], **runner)
    assert answer["status"] == "success", answer
    assert answer["outputs"] == {"s": "untraced"}
    chain(collector, "POST /run", "run one")
