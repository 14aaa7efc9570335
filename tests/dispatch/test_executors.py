"""The contract of executors: what holds of a run wherever it is executed."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import Any

import anyio
import pyarrow as pa
import pytest
from msgspec import UNSET

from dask_processes import one_process_cluster
from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.dispatch import Dispatcher, ExecutorChoice, Policy
from kedro_asgi.encoding import encode_output
from kedro_asgi.events import (
    DatasetSaved,
    LogLine,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeStarted,
    RunEnded,
    RunPlanned,
    RunQueued,
    RunStarted,
)
from kedro_asgi.retries import Retries, RetryPolicy
from kedro_asgi.run_context import RunContextFilter
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM
from kedro_asgi.runs import RunOrder, RunQuery, RunRecord, RunSpec, Slice
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.chunk_queue import ChunkQueue
from kedro_asgi.tables.arrow_table import ArrowTable
from project_files import write_project

pytestmark = pytest.mark.anyio

REGISTRY = """
import contextvars, logging, sys, threading, time
from pathlib import Path
import anyio
import pandas as pd
from kedro_asgi.pipeline import Pipeline, node

def add(x, y):
    logging.getLogger("project").warning("adding %s", x)
    return x + y

def double(x):
    return 2 * x

def boom(x):
    raise ValueError("boom at s3://user:secret@bucket")

def leave(x):
    sys.exit(3)

async def wait(seconds):
    await anyio.sleep(seconds)
    return seconds

def sleep(seconds):
    time.sleep(seconds)
    return seconds

def chunks(count):
    yield from range(count)

def texts(count, size, place):
    for number in range(int(count)):
        Path(place).write_text(str(number + 1))
        yield [number, "ä" * int(size)]

def partly(x):
    yield x
    raise ValueError("broken")

def log_in_thread(x):
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(logging.getLogger("project").warning, "from a thread"))
    thread.start()
    thread.join()
    return x

def log_large(x):
    for letter in "abcdef":
        logging.getLogger("project").warning(letter * 200_000)
    return "y" * 200_000

def length(value):
    return len(value)

def same(value):
    return value

def tripled(rows: pd.DataFrame):
    return rows * 3

def register_pipelines():
    return {
        "__default__": Pipeline([]),
        "calc": Pipeline([node(add, ["params:a", "params:b"], "s", name="add"), node(double, "s", "d", name="double")]),
        "boom": Pipeline([node(boom, "params:a", "never", name="boom")]),
        "leave": Pipeline([node(leave, "params:a", "never", name="leave")]),
        "wait": Pipeline([node(wait, "params:seconds", "waited", name="wait")]),
        "slow": Pipeline(
            [node(sleep, "params:seconds", "first", name="one"), node(sleep, "first", "second", name="two")]
        ),
        "chunks": Pipeline([node(chunks, "params:b", "last", name="chunks")]),
        "texts": Pipeline([node(texts, ["params:count", "params:size", "params:place"], "text", name="texts")]),
        "partly": Pipeline([node(partly, "params:a", "part", name="partly")]),
        "thread": Pipeline([node(log_in_thread, "params:a", "logged", name="logger")]),
        "large": Pipeline([node(log_large, "params:a", "large", name="logger")]),
        "length": Pipeline([node(length, "value", "length", name="length")]),
        "same": Pipeline([node(same, "value", "given", name="same")]),
        "table": Pipeline([node(tripled, "rows", "table", name="tripled")]),
    }
"""


TABLE = pa.table({"a": [1, 2], "b": [0.5, None]})


def order(pipeline: str, *, outputs: tuple[str, ...] = (), **spec: object) -> RunOrder:
    return RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,)), outputs=outputs, **spec))


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=["thread", "process", "dask"])
async def runs(
    request: pytest.FixtureRequest, anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Dispatcher]:
    """An open dispatcher; all tests of one executor share it, since processes take a second to start."""
    project = write_project(
        tmp_path_factory.mktemp("executors") / "project",
        {
            "conf/base/catalog.yml": "first:\n  type: json.JSONDataset\n  filepath: data/first.json\n",
            "conf/base/parameters.yml": "a: 1\nb: 2\nseconds: 0.2\ncount: 3\nsize: 1\nplace: nowhere\n",
            "src/{package}/settings.py": "",
            "src/{package}/pipeline_registry.py": REGISTRY,
        },
    )
    session = AsyncSession.create(project_path=project)
    policy = Policy(grace_seconds=0.1, max_concurrent_runs=2)
    with one_process_cluster(project) if request.param == "dask" else nullcontext() as scheduler:
        choice = ExecutorChoice(default=request.param, dask=DaskOptions(scheduler=scheduler))
        async with Dispatcher(session, policy=policy, executor=choice) as runs:
            yield runs


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """The records that reach the handlers of this process, with the facts that a filter of handlers gives them."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.addFilter(RunContextFilter())
    handler.emit = records.append
    logging.getLogger().addHandler(handler)
    yield records
    logging.getLogger().removeHandler(handler)


async def events_of(runs: Dispatcher, record: RunRecord) -> list[object]:
    """Return the events of a run that has ended."""
    async with aclosing(runs.follow(record.run_id)) as told:
        return [published.event async for published in told]


async def until_started(runs: Dispatcher, run_id: str) -> None:
    with anyio.fail_after(60):
        async with aclosing(runs.follow(run_id)) as told:
            async for published in told:
                if isinstance(published.event, NodeStarted):
                    return


async def test_the_outputs_come_back(runs: Dispatcher) -> None:
    finished = await runs.run(order("calc", outputs=("s", "d"), runtime_params={"a": 5}))
    assert (finished.record.status, finished.record.error) == ("success", None)
    assert {name: bytes(value) for name, value in finished.outputs.items()} == {"s": b"7", "d": b"14"}


@pytest.mark.parametrize("is_promised", [False, True])
async def test_a_table_goes_in_and_out_as_columns(runs: Dispatcher, is_promised: bool) -> None:
    given = order("table", outputs=("table",), inputs={"rows": ArrowTable(TABLE)}, output_format="arrow")
    if is_promised:
        run, _ = await runs.accept(given)
        assert (await runs.wait(run.run_id)).outputs == ("table",)
        output = await runs.output(run.run_id, "table")
    else:
        output = (await runs.run(given)).outputs["table"]
    with pa.ipc.open_stream(output) as reader:
        assert reader.read_all().to_pylist() == [{"a": 3, "b": 1.5}, {"a": 6, "b": None}]


async def test_the_outputs_of_a_promised_run_are_kept(runs: Dispatcher) -> None:
    run = await runs.submit("calc", outputs=["d"])
    assert (await runs.wait(run.run_id)).outputs == ("d",)
    assert json.loads(await runs.output(run.run_id, "d")) == 6


async def test_the_events_come_in_their_order(runs: Dispatcher) -> None:
    events = await events_of(runs, (await runs.run(order("calc"))).record)
    kinds = [type(event) for event in events if not isinstance(event, LogLine)]
    node = [NodeStarted, DatasetSaved, NodeFinished]
    assert kinds == [RunQueued, RunStarted, RunPlanned, *node, *node, RunEnded]
    assert [event.node for event in events if isinstance(event, NodeStarted)] == ["add", "double"]


async def test_lines_of_the_log_name_their_run_and_node(runs: Dispatcher, logged: list[logging.LogRecord]) -> None:
    record = (await runs.run(order("calc"))).record
    found = [(line.node, line.message) for line in await events_of(runs, record) if isinstance(line, LogLine)]
    assert ("add", "adding 1") in found
    line = next(line for line in logged if line.name == "project")
    assert (line.run_id, line.pipeline, line.node) == (record.run_id, "calc", "add")
    assert line.getMessage() == "adding 1"


async def test_a_line_of_a_thread_that_a_node_starts_belongs_to_the_run(runs: Dispatcher) -> None:
    events = await events_of(runs, (await runs.run(order("thread"))).record)
    assert [(line.node, line.message) for line in events if isinstance(line, LogLine)][-1] == (
        "logger",
        "from a thread",
    )


async def test_large_lines_in_a_row_stay_what_they_are(runs: Dispatcher, logged: list[logging.LogRecord]) -> None:
    finished = await runs.run(order("large", outputs=("large",)))
    assert (finished.record.error, len(bytes(finished.outputs["large"]))) == (None, 200_002)
    assert [line.getMessage() for line in logged if line.name == "project"] == [one * 200_000 for one in "abcdef"]


async def test_a_failure_names_the_node_and_the_line(runs: Dispatcher) -> None:
    record = (await runs.run(order("boom"))).record
    assert (record.status, record.error.type, record.error.node) == ("failure", "ValueError", "boom")
    assert record.error.message == "boom at s3://<redacted>@bucket"
    assert record.error.frames[-1].code == 'raise ValueError("boom at s3://<redacted>@bucket")'
    assert any(isinstance(event, NodeFailed) for event in await events_of(runs, record))


async def test_a_failure_is_logged_once(runs: Dispatcher, logged: list[logging.LogRecord]) -> None:
    record = (await runs.run(order("boom"))).record
    lines = [line for line in logged if line.name == "kedro_asgi.dispatch.report"]
    assert [(line.run_id, line.node) for line in lines] == [(record.run_id, "boom")]
    assert "secret" not in lines[0].getMessage()


async def test_a_node_that_exits_fails_its_run_only(runs: Dispatcher) -> None:
    assert (await runs.run(order("leave"))).record.error.type == "SystemExit"
    assert (await runs.run(order("calc"))).record.status == "success"


async def test_an_order_that_makes_no_sense_fails_its_run(runs: Dispatcher) -> None:
    assert (await runs.run(order("calc", outputs=("nothing",)))).record.status == "failure"


async def test_an_awaiting_node_is_cancelled_at_once(runs: Dispatcher) -> None:
    run = await runs.submit("wait", runtime_params={"seconds": 60})
    await until_started(runs, run.run_id)
    with anyio.fail_after(30):
        await runs.cancel(run.run_id)
        record = await runs.wait(run.run_id)
    assert (record.status, record.error.type) == ("cancelled", "RunCancelledError")
    assert any(isinstance(event, NodeCancelled) for event in await events_of(runs, record))
    assert (await runs.run(order("calc"))).record.status == "success"


async def test_a_run_stops_before_its_next_node(runs: Dispatcher) -> None:
    # The stop reaches the process of the run while the first node sleeps.
    run = await runs.submit("slow", timeout_seconds=0.1, runtime_params={"seconds": 3})
    record = await runs.wait(run.run_id)
    assert (record.status, record.error.type) == ("timed_out", "RunTimedOutError")
    started = [event.node for event in await events_of(runs, record) if isinstance(event, NodeStarted)]
    assert "two" not in started


async def test_a_generator_saves_each_chunk(runs: Dispatcher) -> None:
    finished = await runs.run(order("chunks", outputs=("last",)))
    assert bytes(finished.outputs["last"]) == b"1"


async def streamed(runs: Dispatcher, order: RunOrder, *, until: Awaitable[None] | None = None) -> tuple[Any, list[Any]]:
    """How a run ended, and the chunks that came before; the reader begins to read when ``until`` is over."""
    queue, ended, chunks = ChunkQueue(order.spec.outputs, convert=encode_output), list[Any](), list[Any]()

    async def run() -> None:
        CHUNK_STREAM.set(queue)
        ended.append(await runs.run(order))
        queue.end()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            if until is not None:
                await until
            while found := await queue.take():
                chunks += [json.loads(bytes(chunk.value)) for chunk in found]
    return ended[0], chunks


@pytest.mark.parametrize(("count", "size"), [(200, 1000), (5, 100_000)])
async def test_chunks_of_any_size_reach_a_reader_in_their_order(
    runs: Dispatcher, tmp_path: Path, count: int, size: int
) -> None:
    params = {"count": count, "size": size, "place": str(tmp_path / "made")}
    ended, chunks = await streamed(runs, order("texts", outputs=("text",), runtime_params=params))
    assert chunks == [[number, "ä" * size] for number in range(count)]
    assert (ended.record.status, json.loads(bytes(ended.outputs["text"]))) == ("success", chunks[-1])


async def test_a_reader_that_does_not_read_stops_the_generator_and_a_cancel_ends_it(
    runs: Dispatcher, tmp_path: Path
) -> None:
    place = tmp_path / "made"

    def made() -> int:
        return int((place.exists() and place.read_text()) or 0)

    async def cancelled() -> None:
        while made() < 17:
            await anyio.sleep(0.005)
        (run,) = (await runs.list(RunQuery(status="running"))).runs
        await runs.cancel(run.run_id)
        assert (await runs.wait(run.run_id)).status == "cancelled"

    params = {"count": 1_000_000, "size": 5000, "place": str(place)}
    ended, _ = await streamed(runs, order("texts", outputs=("text",), runtime_params=params), until=cancelled())
    assert (ended.record.status, ended.record.error.type) == ("cancelled", "RunCancelledError")
    # Those that wait for the reader, and those in the pipe of a process.
    assert made() < 100
    assert (await runs.run(order("calc"))).record.status == "success"


async def test_a_run_whose_reader_has_chunks_is_not_tried_again(runs: Dispatcher) -> None:
    retries = Retries(run=RetryPolicy(retries=2, delay_seconds=0))
    ended, chunks = await streamed(runs, order("partly", outputs=("part",), retries=retries))
    assert (ended.record.error.type, ended.record.run_attempt, chunks) == ("ValueError", 1, [1])


async def test_large_values_go_in_and_come_out(runs: Dispatcher) -> None:
    value = ["ä" * 1000] * 1000
    finished = await runs.run(order("same", outputs=("given",), inputs={"value": value}))
    assert json.loads(bytes(finished.outputs["given"])) == value


async def test_arrays_of_python_callers_go_in(runs: Dispatcher) -> None:
    import numpy

    finished = await runs.run(order("length", outputs=("length",), inputs={"value": numpy.arange(100_000)}))
    assert bytes(finished.outputs["length"]) == b"100000"


async def test_an_output_without_json_is_a_problem_of_the_output(runs: Dispatcher) -> None:
    finished = await runs.run(order("same", outputs=("given",), inputs={"value": [1j]}))
    assert finished.record.status == "success"
    assert "complex" in finished.record.output_problems["given"]


async def test_nodes_and_runs_are_tried_again(runs: Dispatcher) -> None:
    at_once = RetryPolicy(retries=1, delay_seconds=0)
    record = (await runs.run(order("boom", retries=Retries(node=at_once, run=at_once)))).record
    assert (record.status, record.error.type, record.run_attempt) == ("failure", "ValueError", 2)
    assert [(found.node, found.attempt) for found in record.retried] == [("boom", 1), (None, 1), ("boom", 1)]
    started = [event.attempt for event in await events_of(runs, record) if isinstance(event, RunStarted)]
    assert started == [UNSET, 2]


async def test_a_cancel_ends_the_wait_of_a_node(runs: Dispatcher) -> None:
    later = RetryPolicy(retries=1, delay_seconds=86400, max_delay_seconds=86400)
    run = await runs.submit("boom", retries=Retries(node=later))
    with anyio.fail_after(60):
        while not (await runs.read(run.run_id)).retried:
            await anyio.sleep(0.01)
        await runs.cancel(run.run_id)
        record = await runs.wait(run.run_id)
    assert (record.status, record.retry_count) == ("cancelled", 1)
    assert any(isinstance(event, NodeCancelled) for event in await events_of(runs, record))


async def test_nodes_may_have_threads_of_their_own(runs: Dispatcher) -> None:
    finished = await runs.run(order("calc", outputs=("d",), runner="ThreadRunner"))
    assert (finished.record.error, bytes(finished.outputs["d"])) == (None, b"6")


async def test_runs_go_side_by_side(runs: Dispatcher) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(runs.run, order("calc"))
    assert runs.gauges()["runs_running"] == 0
