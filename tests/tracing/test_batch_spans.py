"""A batch is one span, below the run of a member whose trace is sampled; the runs of the others are linked with it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from dask_processes import one_process_cluster
from dispatch.batching_service import OPTIONS, Service, open_service, rows, scores
from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.dispatch import Dispatcher, ExecutorChoice, Finished
from kedro_asgi.events import RunBatched
from kedro_asgi.session import AsyncSession
from kedro_asgi.tracing.propagation import context_of
from predicting import write_predicting_project
from tracing.conftest import Spans, is_child

pytestmark = pytest.mark.anyio

# The first import of them reads files, which no event loop may do.
import_module("kedro_asgi.dispatch.executors.process.executor")
import_module("kedro_asgi.dispatch.executors.dask.executor")

PLACES = """
import time
from pathlib import Path
from opentelemetry import trace
from kedro_asgi.pipeline import Pipeline, node

def place(rows):
    for gate in (row["key"] for row in rows if row["key"].startswith("gate")):
        while not (Path("{folder}") / gate).exists():
            time.sleep(0.002)
    return [trace.get_current_span().get_span_context().span_id] * len(rows)

def register_pipelines():
    return {"place": Pipeline([node(place, "rows", "scores", name="place")])}
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def trace_of(key: str) -> int:
    """The trace of the caller whose first row has that key."""
    return int.from_bytes(key.encode(), "big")


class TracedService(Service):
    """A service whose callers each have a trace; that of a caller whose key begins with ``dropped`` is not sampled."""

    async def run(self, pipeline: str, rows: Any, **more: Any) -> Finished:
        key = rows[0]["key"]
        flags = "00" if key.startswith("dropped") else "01"
        token = attach(context_of({"traceparent": f"00-{trace_of(key):032x}-{'b' * 16}-{flags}"}))
        try:
            return await super().run(pipeline, rows, **more)
        finally:
            detach(token)


@pytest.fixture
def serve(tmp_path: Path) -> Callable[[], Any]:
    """Return a function that opens a service for a block, whose batches are not compared."""
    return partial(opened, write_predicting_project(tmp_path))


@asynccontextmanager
async def opened(project: Path) -> AsyncIterator[TracedService]:
    async with open_service(project, proven=True) as service:
        yield TracedService(service.runs, service.folder)


def run_of(spans: Spans, key: str) -> ReadableSpan:
    """The span of the run of a caller."""
    return next(span for span in spans.all() if span.name[:3] == "run" and span.context.trace_id == trace_of(key))


def linked(span: ReadableSpan) -> list[int]:
    return [link.context.span_id for link in span.links]


async def test_a_batch_is_a_span_below_the_first_sampled_run_with_links_to_the_others(
    serve: Callable[[], Any], spans: Spans
) -> None:
    async with serve() as service:
        found = await service.gather("predict", [rows("dropped"), rows("a"), rows("b", "c"), rows("d")])
        (batched,) = (event for event in await service.events(found[0]) if isinstance(event, RunBatched))
    batch, first, others = spans.one("batch predict"), run_of(spans, "a"), [run_of(spans, key) for key in "bd"]
    assert is_child(batch, first)
    assert batch.kind is SpanKind.INTERNAL
    assert batch.attributes == {
        "kedro.batch.id": batched.batch_id,
        "kedro.batch.runs": 4,
        "kedro.batch.rows": 5,
        "kedro.pipeline.names": ("predict",),
    }
    assert linked(batch) == [run.context.span_id for run in others]
    assert [linked(run) for run in others] == [[batch.context.span_id]] * 2
    assert {run.attributes["kedro.batch.id"] for run in (first, *others)} == {batched.batch_id}
    (node,) = (span for span in spans.named("node score") if is_child(span, batch))
    assert node.attributes["kedro.run.id"] == batched.batch_id
    # The other one is that of the run that held these back.
    assert len(spans.named("node score")) == 2
    assert trace_of("dropped") not in {span.context.trace_id for span in spans.all()}


async def test_a_batch_of_runs_that_are_not_sampled_makes_no_span(serve: Callable[[], Any], spans: Spans) -> None:
    async with serve() as service:
        await service.gather("predict", [rows("dropped a"), rows("dropped b")])
        assert service.calls == [1, 2]
    assert {span.context.trace_id for span in spans.all()} == {trace_of("gate1")}


async def test_each_part_of_a_batch_that_fails_is_a_span(serve: Callable[[], Any], spans: Spans) -> None:
    bad = [{"key": "bad", "x": -1.0}]
    async with serve() as service:
        found = await service.gather("strict", [rows("a"), rows("b"), rows("c"), bad])
    assert [one.record.status for one in found] == ["success", "success", "success", "failure"]
    failed, half, other = spans.named("batch strict")
    assert [span.attributes["kedro.batch.runs"] for span in (failed, half, other)] == [4, 2, 2]
    assert [span.status.status_code for span in (failed, half, other)] == [
        StatusCode.ERROR,
        StatusCode.UNSET,
        StatusCode.ERROR,
    ]
    assert failed.attributes["error.type"] == "ValueError"
    assert is_child(half, run_of(spans, "a"))
    assert is_child(other, run_of(spans, "c"))
    assert linked(run_of(spans, "bad")) == [failed.context.span_id, other.context.span_id]
    # A run that is executed alone has its node in its own trace.
    assert any(is_child(span, run_of(spans, "bad")) for span in spans.named("node strict"))


@pytest.mark.parametrize("kind", ["process", pytest.param("dask", marks=pytest.mark.slow)])
async def test_another_process_works_for_a_batch_in_its_span(
    make_project: Callable[..., Path], tmp_path: Path, spans: Spans, kind: str
) -> None:
    project = make_project(PLACES.replace("{folder}", str(tmp_path)))
    session, batching = AsyncSession.create(project_path=project), {"place": structs.replace(OPTIONS, compare=False)}
    with one_process_cluster(project) if kind == "dask" else nullcontext() as scheduler:
        executor = ExecutorChoice(default=kind, dask=DaskOptions(scheduler=scheduler))
        async with Dispatcher(session, batching=batching, executor=executor) as runs:
            await runs.batching.check()
            found = await TracedService(runs, tmp_path).gather("place", [rows("a"), rows("b")])
    assert [scores(one) for one in found] == [[spans.one("batch place").context.span_id]] * 2
