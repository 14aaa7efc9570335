"""A watch looks for the process of a run, which may have another run when the watch has found it."""

import threading
from collections.abc import AsyncIterator
from contextvars import Context
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.process.messages import ProcessSetup
from kedro_asgi.dispatch.executors.process.pool import ProcessPool
from kedro_asgi.dispatch.executors.process.run import ProcessRun
from kedro_asgi.dispatch.executors.process.run_process import RunProcess
from kedro_asgi.dispatch.executors.process.watch import ProcessWatch
from kedro_asgi.dispatch.executors.remote_run import RemoteRun
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import RunCancelledError, RunStoppedError
from kedro_asgi.events import Event, NodeStarted
from kedro_asgi.runs import RunId, RunSpec, Slice
from kedro_asgi.session import AsyncSession
from project_files import write_project

pytestmark = pytest.mark.anyio

REGISTRY = """
import os, time
from kedro_asgi.pipeline import Pipeline, node

def wait(place):
    while not os.path.exists(place):
        time.sleep(0.001)
    return os.getpid()

def crash(place):
    wait(place)
    os._exit(3)

def register_pipelines():
    return {
        "__default__": Pipeline([node(wait, "params:place", "pid", name="wait")]),
        "crash": Pipeline([node(crash, "params:place", "pid", name="crash")]),
    }
"""


def setup_of(project: Path) -> ProcessSetup:
    return ProcessSetup(
        create=AsyncSession.create(project).create_session,
        convert=encode_output,
        full_tracebacks=False,
        backend="asyncio",
    )


class SlowPool(ProcessPool):
    """A pool whose answers about its runs come late: `go_on` lets the first one come."""

    def __init__(self, project: Path) -> None:
        self.has_looked, self.go_on = threading.Event(), threading.Event()
        super().__init__(setup_of(project), Policy(), warm=1)

    def executing(self, run_id: RunId) -> Any:
        return self._late(super().executing(run_id))

    def executed(self) -> Any:
        return self._late(super().executed())

    def _late(self, found: Any) -> Any:
        if found:
            self.has_looked.set()
            self.go_on.wait()
        return found


class LateRequest:
    """A process that gets the request to stop only after the first signal."""

    def __init__(self, process: RunProcess) -> None:
        self.process = process
        self._requests: list[tuple[RunId, RunStoppedError]] = []

    def request_stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        self._requests.append((run_id, reason))

    def terminate(self) -> None:
        self.process.terminate()
        while self._requests:
            self.process.request_stop(*self._requests.pop())


class OvertakingPool(ProcessPool):
    """A pool whose signals overtake the requests to stop."""

    def executing(self, run_id: RunId) -> Any:
        found = super().executing(run_id)
        return None if found is None else (LateRequest(found[0]), found[1])

    def replace(self, process: Any, run: ProcessRun) -> bool:
        return super().replace(process.process, run)


class Given:
    """A run in a pool, whose node goes on until `finish`."""

    def __init__(self, pool: ProcessPool, folder: Path, name: str, pipeline: str = "__default__") -> None:
        self.file = folder / name
        spec = RunSpec(
            slice=Slice(pipeline_names=(pipeline,)), outputs=("pid",), runtime_params={"place": str(self.file)}
        )
        self._begun, self._ended = threading.Event(), threading.Event()
        self._execution = Execution()
        run = RemoteRun(
            run_id=RunId(name),
            read_spec=_Read(spec),
            pipeline_names=(),
            context=Context(),
            emit=self._note,
            ended=self._end,
            retry_delay_seconds=lambda error: None,
        )
        pool.give(run)

    def _note(self, event: Event) -> None:
        if isinstance(event, NodeStarted):
            self._begun.set()

    def _end(self, execution: Execution) -> None:
        self._execution = execution
        self._ended.set()

    async def until_begun(self) -> None:
        with anyio.fail_after(60):
            await to_thread.run_sync(self._begun.wait, abandon_on_cancel=True)

    async def finish(self) -> Execution:
        self.file.touch()
        return await self.end()

    async def end(self) -> Execution:
        with anyio.fail_after(60):
            await to_thread.run_sync(self._ended.wait, abandon_on_cancel=True)
        return self._execution


class _Read:
    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec

    def __call__(self) -> RunSpec:
        return self.spec


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {"conf/base/parameters.yml": "place: x\n", "src/{package}/pipeline_registry.py": REGISTRY}
    return write_project(tmp_path / "project", files)


@pytest.fixture
async def pool(project: Path) -> AsyncIterator[SlowPool]:
    pool = SlowPool(project)
    yield pool
    pool.go_on.set()
    pool.close()


async def until_closed(watch: ProcessWatch) -> None:
    """Wait until the watch has done all that it was asked for."""
    watch.close()
    with anyio.fail_after(60):
        while any(thread.name == "kedro-asgi-process-watch" for thread in threading.enumerate()):
            await anyio.sleep(0.01)


@pytest.mark.parametrize(("pipeline", "error"), [("__default__", None), ("crash", "RunCrashedError")])
async def test_a_stop_that_comes_late_does_not_reach_the_next_run(
    pool: SlowPool, tmp_path: Path, pipeline: str, error: str | None
) -> None:
    watch = ProcessWatch(pool)
    first = Given(pool, tmp_path, "first")
    watch.stop(RunId("first"), RunCancelledError())
    await to_thread.run_sync(pool.has_looked.wait)
    former = await first.finish()
    second = Given(pool, tmp_path, "second", pipeline)
    pool.go_on.set()
    await until_closed(watch)
    execution = await second.finish()
    assert (execution.error and execution.error.type) == error
    assert set(former.outputs) == {"pid"}
    assert set(execution.outputs) == (set() if error else {"pid"})


async def test_a_process_whose_run_ends_while_it_is_measured_is_not_replaced(pool: SlowPool, tmp_path: Path) -> None:
    watch = ProcessWatch(pool, max_run_memory_bytes=1)
    first = Given(pool, tmp_path, "first")
    watch.run_given()
    await to_thread.run_sync(pool.has_looked.wait)
    former = await first.finish()
    pool.go_on.set()
    await until_closed(watch)
    assert pool.gauges()["run_processes"] == 1
    assert (await Given(pool, tmp_path, "second").finish()).outputs == former.outputs


async def test_a_signal_that_overtakes_the_request_to_stop_is_sent_again(project: Path, tmp_path: Path) -> None:
    pool = OvertakingPool(setup_of(project), Policy(), warm=1)
    watch = ProcessWatch(pool, kill_seconds=600)
    run = Given(pool, tmp_path, "run")
    await run.until_begun()
    watch.stop(RunId("run"), RunCancelledError())
    assert await run.end() == Execution()
    await until_closed(watch)
    pool.close()
