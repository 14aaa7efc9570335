"""`AsyncSession`: runs from async code, under asyncio and trio."""

import asyncio
import sys
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from kedro_asgi.errors import DatasetNotFoundError
from kedro_asgi.runner import ParallelRunner, SequentialRunner, ThreadRunner
from kedro_asgi.session import AsyncSession, KedroServiceSession

pytestmark = pytest.mark.anyio

WAITING = """
import threading
from kedro_asgi.pipeline import Pipeline, node

BEGUN, GATE = threading.Event(), threading.Event()
FOUR = threading.Barrier(4, timeout=120)
NOTES, RUNNING, COUNTS = [], [], []

def where(x):
    return threading.get_ident()

def wait(x):
    NOTES.append(f"{x} begins")
    BEGUN.set()
    was_opened = GATE.wait(30)
    NOTES.append(f"{x} ends")
    return was_opened

def meet(x):
    RUNNING.append(x)
    COUNTS.append(len(RUNNING))
    FOUR.wait()
    RUNNING.pop()
    return x

def leave(x):
    raise SystemExit(3)

def stop(x):
    raise StopIteration("nothing left")

def register_pipelines():
    return {
        "__default__": Pipeline([node(where, "params:a", "out")]),
        "wait": Pipeline([node(wait, "params:a", "out")]),
        "meet": Pipeline([node(meet, "params:a", "out")]),
        "leave": Pipeline([node(leave, "params:a", "out")]),
        "stop": Pipeline([node(stop, "params:a", "out")]),
    }
"""


async def test_a_run_returns_the_values_of_its_free_outputs(tiny: Path) -> None:
    async with AsyncSession.create(project_path=tiny) as session:
        result = await session.run()
    assert result.outputs == {"d": 6}
    assert result.duration_ms > 0
    assert result.run_id


async def test_a_result_cannot_be_changed(tiny: Path) -> None:
    async with AsyncSession.create(project_path=tiny) as session:
        result = await session.run()
    with pytest.raises(AttributeError):
        result.run_id = "other"


async def test_any_dataset_of_the_slice_may_be_asked_for(tiny: Path) -> None:
    async with AsyncSession.create(project_path=tiny) as session:
        result = await session.run(outputs=["s", "params:a", "d"])
    assert result.outputs == {"s": 3, "params:a": 1, "d": 6}


async def test_inputs_are_for_one_run(tiny: Path) -> None:
    async with AsyncSession.create(project_path=tiny) as session:
        result = await session.run(from_nodes=["double"], inputs={"s": 4})
        assert result.outputs == {"d": 8}
        assert (await session.run()).outputs == {"d": 6}


async def test_a_node_cannot_change_the_callers_input(make_project) -> None:
    registry = """
    from kedro_asgi.pipeline import Pipeline, node
    def grow(rows):
        rows.append("grown")
        return rows
    def register_pipelines():
        return {"__default__": Pipeline([node(grow, "rows", "out")])}
    """
    rows = ["mine"]
    async with AsyncSession.create(project_path=make_project(registry)) as session:
        assert (await session.run(inputs={"rows": rows})).outputs == {"out": ["mine", "grown"]}
    assert rows == ["mine"]


@pytest.mark.parametrize("argument", ["inputs", "outputs"])
async def test_an_unknown_name_is_refused_before_anything_runs(tiny: Path, argument: str) -> None:
    value = {"dd": 1} if argument == "inputs" else ["dd"]
    async with AsyncSession.create(project_path=tiny) as session:
        with pytest.raises(DatasetNotFoundError, match=rf"'{argument}' names dataset\(s\) \['dd'\].*'d'"):
            await session.run(**{argument: value})


async def test_an_input_that_the_run_makes_itself_is_refused(tiny: Path) -> None:
    async with AsyncSession.create(project_path=tiny) as session:
        with pytest.raises(Exception, match="which node 'add' of this run produces.*from_inputs"):
            await session.run(inputs={"s": 1})


async def test_a_hundred_first_calls_create_one_service_session(tiny: Path) -> None:
    created = []

    def create() -> KedroServiceSession:
        time.sleep(0.05)
        created.append(KedroServiceSession.create(project_path=tiny, serving_mode=True))
        return created[-1]

    session = AsyncSession(create)
    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(session.run)
    assert len(created) == 1


async def test_nothing_is_read_before_the_first_run_and_a_failed_start_is_tried_again(tiny: Path) -> None:
    hidden = tiny.rename(tiny.with_name("hidden"))
    async with AsyncSession.create(project_path=tiny) as session:
        with pytest.raises(ValueError, match=f"Package name not found.*no Kedro project at '{tiny}'"):
            await session.run()
        hidden.rename(tiny)
        assert (await session.run()).outputs == {"d": 6}


def registry(project: Path) -> Any:
    """Return the project's module of pipelines, which a session has imported."""
    return sys.modules[f"{next((project / 'src').iterdir()).name}.pipeline_registry"]


async def has_begun(project: Path) -> None:
    """Wait, without blocking the loop, until a node of the project waits."""
    with anyio.fail_after(60):
        while not registry(project).BEGUN.is_set():
            await anyio.sleep(0.01)


async def test_runs_overlap_up_to_the_limit(make_project) -> None:
    project = make_project(WAITING)
    async with AsyncSession.create(project_path=project, max_concurrency=4) as session:
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(session.run, ["meet"])
    assert max(registry(project).COUNTS) == 4


async def test_the_event_loop_goes_on_while_runs_block(make_project) -> None:
    project = make_project(WAITING)
    outputs = []
    async with AsyncSession.create(project_path=project) as session:
        await session.prepare()

        async def run() -> None:
            outputs.append((await session.run(["wait"])).outputs)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await has_begun(project)
            registry(project).GATE.set()
    assert outputs == [{"out": True}]


async def test_a_run_happens_in_one_worker_thread(make_project) -> None:
    async with AsyncSession.create(project_path=make_project(WAITING)) as session:
        result = await session.run(runtime_params={"a": 0})
    assert result.outputs["out"] != threading.get_ident()


async def test_a_cancelled_run_keeps_its_slot_until_it_ends(make_project) -> None:
    project = make_project(WAITING)
    scope = anyio.CancelScope()
    async with AsyncSession.create(project_path=project, max_concurrency=1) as session:
        await session.prepare()

        async def run() -> None:
            with scope:
                await session.run(["wait"])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await has_begun(project)
            scope.cancel()
            tasks.start_soon(lambda: session.run(["wait"], runtime_params={"a": 2}))
            await anyio.sleep(0.1)
            registry(project).GATE.set()
    assert registry(project).NOTES == ["1 begins", "1 ends", "2 begins", "2 ends"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_run_that_asyncio_cancels_keeps_its_slot_until_it_ends(make_project, anyio_backend: str) -> None:
    project = make_project(WAITING)
    async with AsyncSession.create(project_path=project, max_concurrency=1) as session:
        await session.prepare()
        first = asyncio.create_task(session.run(["wait"]))
        await has_begun(project)
        first.cancel()
        second = asyncio.create_task(session.run(["wait"], runtime_params={"a": 2}))
        await asyncio.sleep(0.1)
        registry(project).GATE.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        await second
    assert registry(project).NOTES == ["1 begins", "1 ends", "2 begins", "2 ends"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_queued_run_is_dropped_when_asyncio_cancels_it(make_project, anyio_backend: str) -> None:
    project = make_project(WAITING)
    async with AsyncSession.create(project_path=project, max_concurrency=1) as session:
        await session.prepare()
        first = asyncio.create_task(session.run(["wait"]))
        await has_begun(project)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.run(["wait"], runtime_params={"a": 2}), 0.1)
        registry(project).GATE.set()
        await first
        assert (await session.run()).outputs
    assert registry(project).NOTES == ["1 begins", "1 ends"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_project_is_opened_once_although_its_callers_time_out(make_project, anyio_backend: str) -> None:
    project, created, gate = make_project(), [], threading.Event()

    def create() -> KedroServiceSession:
        created.append(gate.wait(30))
        return KedroServiceSession.create(project_path=project)

    async with AsyncSession(create) as session:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session.prepare(), 0.1)
        gate.set()
        assert (await session.run()).outputs == {"d": 6}
    assert created == [True]


async def test_a_session_is_closed_although_its_block_is_cancelled(make_project) -> None:
    project, closed = make_project(), []

    class Session(KedroServiceSession):
        def close(self) -> None:
            closed.append(True)
            super().close()

    with anyio.CancelScope() as scope:
        async with AsyncSession(lambda: Session.create(project_path=project)) as session:
            await session.run()
            scope.cancel()
            await anyio.sleep_forever()
    assert closed == [True]


@pytest.mark.parametrize(("pipeline", "error"), [("leave", SystemExit), ("stop", StopIteration)])
async def test_odd_exceptions_come_back_as_data(make_project, pipeline: str, error: type[BaseException]) -> None:
    async with AsyncSession.create(project_path=make_project(WAITING)) as session:
        from kedro_asgi.runs import RunSpec, Slice

        outcome = await session.execute(RunSpec(slice=Slice(pipeline_names=(pipeline,))))
        assert isinstance(outcome.error, error)
        assert (await session.run(runtime_params={"a": 0})).outputs


async def test_two_projects_run_at_the_same_time(make_project) -> None:
    one, two = (
        make_project(parameters="a: 1\nb: 2\n", name="one"),
        make_project(parameters="a: 5\nb: 5\n", name="two"),
    )
    results: dict[str, list[object]] = {"one": [], "two": []}

    async def run(session: AsyncSession, name: str) -> None:
        results[name].append((await session.run()).outputs["d"])

    async with AsyncSession.create(project_path=one) as first, AsyncSession.create(project_path=two) as second:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(run, first, "one")
                tasks.start_soon(run, second, "two")
    assert results == {"one": [6] * 20, "two": [20] * 20}


async def test_async_nodes_run_on_the_hosts_loop(make_project) -> None:
    registry = """
    import threading
    import anyio
    from kedro_asgi.pipeline import Pipeline, node
    async def where(x):
        await anyio.sleep(0)
        return threading.get_ident()
    def register_pipelines():
        return {"__default__": Pipeline([node(where, "params:a", f"out{n}", name=f"n{n}") for n in range(3)])}
    """
    async with AsyncSession.create(project_path=make_project(registry)) as session:
        for runner in (None, SequentialRunner(is_async=True), ThreadRunner(), ParallelRunner(max_workers=2)):
            result = await session.run(runner=runner)
            assert set(result.outputs.values()) == {threading.get_ident()}
