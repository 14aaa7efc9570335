"""Calls at a bad moment: during another call, the end of their caller, or the close of the service."""

import asyncio
import gc
import threading
import time
from collections.abc import Sequence
from contextvars import Context
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.executors.base import Execution, GivenRun
from kedro_asgi.dispatch.executors.thread import ThreadExecutor
from kedro_asgi.dispatch.stores.base import RunWrite, WriteResult
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import DrainingError, ServiceOpenError, StoreVersionError
from kedro_asgi.file_lock import is_unlocked
from kedro_asgi.runs import RunId, RunOrder, RunSpec, Slice
from kedro_asgi.session import AsyncSession

pytestmark = pytest.mark.anyio


def order(pipeline: str, *, key: str | None = None, **params: object) -> RunOrder:
    spec = RunSpec(slice=Slice(pipeline_names=(pipeline,)), runtime_params=params)
    return RunOrder(spec=spec, key=key)


# --- the service is not open yet ---


class SlowStore(SQLiteStore):
    """A store that opens slowly."""

    opened = 0

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self.is_through = threading.Event()

    def open(self, owner: str) -> None:
        self.opened += 1
        time.sleep(0.3)
        super().open(owner)
        self.is_through.set()


async def test_the_service_is_opened_once_although_its_first_caller_is_gone(dispatcher) -> None:
    runs = dispatcher(store := SlowStore(None))
    with anyio.move_on_after(0.1):
        await runs.submit("calc")
    record = await runs.submit("calc")
    assert (await runs.wait(record.run_id)).status == "success"
    assert store.opened == 1


async def test_a_call_while_a_block_opens_the_service_uses_that_one(dispatcher) -> None:
    runs = dispatcher(store := SlowStore(None))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_enter, runs)
        await anyio.wait_all_tasks_blocked()
        await runs.submit("calc")
    assert store.opened == 1
    assert runs.gauges() == {}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_store_is_closed_when_its_opening_is_cancelled(dispatcher, tmp_path: Path, anyio_backend: str) -> None:
    store, before = SlowStore(tmp_path / "runs.db"), threading.enumerate()
    opening = asyncio.create_task(_enter(dispatcher(store)))
    while not store.opened:
        await anyio.sleep(0.01)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await anyio.to_thread.run_sync(store.is_through.wait)
    writers = [thread for thread in threading.enumerate() if thread.name == "kedro-asgi-writer"]
    assert set(writers) <= set(before)
    assert all(is_unlocked(lock) for lock in tmp_path.glob("*.lock"))


async def test_a_store_of_a_newer_version_is_closed_again(dispatcher, tmp_path: Path) -> None:
    newer = SQLiteStore(tmp_path / "runs.db", migrations=[*MIGRATIONS, ["CREATE TABLE newer (number INTEGER)"]])
    await anyio.to_thread.run_sync(newer.open, "newer")
    await anyio.to_thread.run_sync(newer.close)
    with pytest.raises(StoreVersionError):
        await _enter(dispatcher(tmp_path / "runs.db"))
    assert all(is_unlocked(lock) for lock in tmp_path.glob("*.lock"))


async def _enter(runs: Dispatcher) -> None:
    async with runs:
        await anyio.sleep(0.2)


async def test_an_open_service_cannot_be_opened_for_a_block(dispatcher) -> None:
    runs = dispatcher()
    record = await runs.submit("calc")
    with pytest.raises(ServiceOpenError):
        async with runs:
            pass
    assert (await runs.wait(record.run_id)).status == "success"


async def test_a_block_that_failed_to_open_the_service_can_be_entered_again(dispatcher) -> None:
    runs = dispatcher(store := SlowStore(None))
    store.open = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        async with runs:
            pass
    del store.open
    async with runs:
        assert (await runs.run(order("calc"))).record.status == "success"


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
def test_a_loop_that_is_closed_over_its_service_makes_way_for_another(dispatcher, anyio_backend: str) -> None:
    assert _statuses_in_loops(dispatcher(), 2) == ["success"] * 2
    # What Python has to say of tasks without a loop is said now, and not in some later test.
    gc.collect()


def _statuses_in_loops(runs: Dispatcher, count: int) -> list[str]:
    statuses = []
    for _ in range(count):
        loop = asyncio.new_event_loop()
        finished = loop.run_until_complete(asyncio.wait_for(runs.run(order("calc")), 30))
        loop.close()
        statuses.append(finished.record.status)
    return statuses


# --- the caller is gone ---


class HeldStore(SQLiteStore):
    """A store that writes when the test lets it."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self.may_write = threading.Event()
        self.may_write.set()

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        self.may_write.wait()
        return super().write(entries)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_waiting_callers_return_when_asyncio_cancels_the_drain(dispatcher, anyio_backend: str) -> None:
    runs = dispatcher(grace_seconds=30)
    opened, submitted = asyncio.Event(), []

    async def stay() -> None:
        async with runs:
            submitted.append(await runs.submit("wait", runtime_params={"seconds": 3}))
            opened.set()

    async def follow() -> None:
        async for _ in runs.follow(submitted[0].run_id):
            pass

    staying = asyncio.create_task(stay())
    await opened.wait()
    waiting = [asyncio.create_task(runs.wait(submitted[0].run_id)), asyncio.create_task(follow())]
    await asyncio.sleep(0.1)
    staying.cancel()
    done, _ = await asyncio.wait(waiting, timeout=20)
    assert len(done) == 2
    await asyncio.wait([staying])


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_run_whose_caller_asyncio_cancels_runs_when_it_is_written(
    dispatcher, tmp_path: Path, anyio_backend: str
) -> None:
    async with dispatcher(store := HeldStore(tmp_path / "runs.db")) as runs:
        store.may_write.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(runs.accept(order("count", key="k")), 0.1)
        store.may_write.set()
        with anyio.fail_after(60):
            assert (await runs.run(order("count", key="k"))).record.status == "success"
        assert runs.gauges()["runs_queued"] == 0
    assert (tmp_path / "started").read_text() == "1\n"


# --- the store is being closed ---


class ClosingStore(SQLiteStore):
    """A store that closes when the test lets it."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self.closings = 0
        self.may_close = threading.Event()

    @property
    def is_closing(self) -> bool:
        return self.closings > 1

    def close(self) -> None:
        super().close()
        # One that is opened is closed before, too.
        self.closings += 1
        if self.is_closing:
            self.may_close.wait()


async def test_calls_that_arrive_while_the_store_closes_are_refused(dispatcher, tmp_path: Path) -> None:
    store = ClosingStore(None)

    async def come(runs: Dispatcher, run_id: str) -> None:
        while not store.is_closing:
            await anyio.sleep(0.01)
        try:
            for look in (runs.read, runs.wait, runs.cancel):
                with pytest.raises(DrainingError):
                    await look(run_id)
            for stream in (runs.follow(), runs.follow(run_id)):
                assert [event async for event in stream] == []
        finally:
            store.may_close.set()

    async with anyio.create_task_group() as tasks, dispatcher(store) as runs:
        finished = await runs.run(order("calc"))
        tasks.start_soon(come, runs, finished.record.run_id)


# --- the system has no thread left ---


@pytest.mark.parametrize("file", [None, "runs.db"])
async def test_a_run_fails_and_frees_its_slot_when_no_thread_can_start(
    dispatcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("kedro-asgi-run"):
            raise RuntimeError("can't start new thread")
        start(thread)

    async with dispatcher(SQLiteStore(file and tmp_path / file), max_concurrent_runs=1) as runs:
        with monkeypatch.context() as patched, anyio.fail_after(60):
            patched.setattr(threading.Thread, "start", refuse)
            records = [await runs.submit("calc") for _ in range(3)]
            ended = [await runs.wait(record.run_id) for record in records]
        assert {record.error and record.error.type for record in ended} == {"NoThreadError"}
        assert (await runs.run(order("calc"))).record.status == "success"
        assert runs.gauges()["runs_running"] == 0


async def test_an_end_that_cannot_be_noted_keeps_no_other_run_from_its_end(
    work: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[Execution] = []

    def refuse(_: object) -> None:
        raise RuntimeError("no more of these")

    async with AsyncSession.create(work) as session:
        executor = ThreadExecutor(session, lambda value, stop: value)
        with monkeypatch.context() as patched:
            # So both ends are there before the event loop has its next turn.
            patched.setattr(threading.Thread, "start", refuse)
            for run_id, then in ("first", refuse), ("second", ended.append):
                given = GivenRun(
                    run_id=RunId(run_id),
                    read_spec=RunSpec,
                    pipeline_names=(),
                    context=Context(),
                    emit=lambda event: None,
                    ended=then,
                )
                executor.start(given)
        with anyio.fail_after(60):
            while not ended:
                await anyio.sleep(0.01)
    assert [execution.error and execution.error.type for execution in ended] == ["NoThreadError"]
    assert "The end of run first could not be noted." in caplog.messages
