"""``async def`` nodes under all runners, with an event loop around the run and without."""

import inspect
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial

import anyio
import pytest
import runner_functions as functions
from anyio import RunFinishedError
from anyio.lowlevel import checkpoint, current_token
from runner_functions import boom_later, double, later

from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import AbstractRunner, SequentialRunner, ThreadRunner
from kedro_asgi.runner.async_nodes import HOST_LOOP, await_in_thread


def catalog(**data: object) -> DataCatalog:
    return DataCatalog({name: MemoryDataset(value) for name, value in data.items()})


async def hosted(runner: AbstractRunner, pipeline: Pipeline, data: DataCatalog):
    """Run as an `AsyncSession` does: in a thread, with async nodes awaited here."""
    token = current_token()

    def work():
        HOST_LOOP.set(token)
        return runner.run(pipeline, data)

    return await anyio.to_thread.run_sync(work)


def test_they_are_awaited(runner: AbstractRunner) -> None:
    pipeline = Pipeline([node(later, "a", "b", name="later"), node(double, "b", "c", name="double")])
    assert runner.run(pipeline, catalog(a=1))["c"].load() == 2


def test_what_they_raise_is_raised(runner: AbstractRunner) -> None:
    with pytest.raises(ZeroDivisionError, match="later 1"):
        runner.run(Pipeline([node(boom_later, "a", "b", name="later")]), catalog(a=1))


def test_leaving_the_process_is_as_in_other_nodes(runner: AbstractRunner) -> None:
    with pytest.raises(SystemExit):
        runner.run(Pipeline([node(functions.leave_later, "a", "b", name="n")]), catalog(a=1))


@pytest.mark.anyio
async def test_they_are_awaited_on_the_hosts_loop(local_runner: AbstractRunner) -> None:
    class Watching:
        def __init__(self):
            self.thread = None

        async def __call__(self, x):
            await checkpoint()
            self.thread = threading.get_ident()
            return x

    watching = Watching()
    pipeline = Pipeline([node(watching, "a", "b", name="n"), node(functions.chunks_later, "c", "d", name="m")])
    if local_runner._is_async:
        pipeline = pipeline.only_nodes("n")
    result = await hosted(local_runner, pipeline, catalog(a=1, c=3))
    assert watching.thread == threading.get_ident()
    assert result["b"].load() == 1


@pytest.mark.anyio
async def test_leaving_the_process_does_not_end_the_hosts_loop() -> None:
    with pytest.raises(SystemExit):
        await hosted(SequentialRunner(), Pipeline([node(functions.leave_later, "a", "b", name="n")]), catalog(a=1))
    await checkpoint()


NOTEBOOK = """
import asyncio
from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import SequentialRunner
from runner_functions import later

async def cell():
    pipeline = Pipeline([node(later, "a", "b", name="n")])
    return SequentialRunner().run(pipeline, DataCatalog({"a": MemoryDataset(1)}))["b"].load()

print(asyncio.run(cell()))
"""


def test_a_blocking_run_may_be_started_on_a_running_loop() -> None:
    """As in a notebook: its loop is blocked, and the node is awaited on another one."""
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_the_nodes_of_a_run_share_a_loop(local_runner: AbstractRunner) -> None:
    """What one node opens, another one can use."""
    nodes = [node(functions.loop_of, "a", name, name=name) for name in "bcd"]
    result = local_runner.run(Pipeline(nodes), catalog(a=1))
    assert len({dataset.load() for dataset in result.values()}) == 1


def test_nodes_that_wait_for_each_other_are_awaited_at_a_time() -> None:
    class Meeting:
        """Each node lets the other one go."""

        def __init__(self):
            self.events: dict[str, anyio.Event] = {}

        async def meet(self, mine, other, x):
            self.events.setdefault(mine, anyio.Event()).set()
            with anyio.fail_after(60):
                await self.events.setdefault(other, anyio.Event()).wait()
            return x

    meeting = Meeting()
    pipeline = Pipeline(
        [
            node(partial(meeting.meet, "one", "two"), "a", "b", name="one"),
            node(partial(meeting.meet, "two", "one"), "a", "c", name="two"),
        ]
    )
    assert set(ThreadRunner(max_workers=2).run(pipeline, catalog(a=1))) == {"b", "c"}


def test_no_thread_stays_behind(local_runner: AbstractRunner) -> None:
    before = set(threading.enumerate())
    local_runner.run(Pipeline([node(later, "a", "b", name="n")]), catalog(a=1))
    with pytest.raises(ZeroDivisionError):
        local_runner.run(Pipeline([node(boom_later, "a", "b", name="n")]), catalog(a=1))
    assert set(threading.enumerate()) <= before


class Streaming:
    """A callable object that is an asynchronous generator."""

    async def __call__(self, x) -> AsyncIterator[int]:
        for n in range(x):
            yield n


@pytest.mark.parametrize("function", [Streaming(), partial(functions.chunks_later), functions.chunks_later])
def test_what_yields_asynchronously_is_recognised(function) -> None:
    found = node(function, "a", "b", name="n")
    assert (found.is_generator, found.is_async) == (True, True)
    assert SequentialRunner().run(Pipeline([found]), catalog(a=3))["b"].load() == 2


def test_many_runs_at_a_time_each_have_a_loop() -> None:
    def run(a: int) -> int:
        return SequentialRunner().run(Pipeline([node(later, "a", "b", name="n")]), catalog(a=a))["b"].load()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(run, range(32))) == list(range(32))


def test_a_node_whose_host_has_ended_leaves_no_coroutine_behind() -> None:
    """A run in a thread may go on when the event loop of its server is gone."""

    async def node_function() -> None:
        raise AssertionError("no event loop is left for this node")

    async def host() -> Context:
        HOST_LOOP.set(current_token())
        return copy_context()

    coroutine = node_function()
    with pytest.raises(RunFinishedError):
        anyio.run(host).run(await_in_thread, coroutine)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
