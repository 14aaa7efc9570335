"""Callers and runs get an answer when a service closes."""

import gc
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.messages import RunAdmitted, Written
from kedro_asgi.dispatch.outbox import Outbox
from kedro_asgi.dispatch.pending_write import PendingWrite, WriteOptions
from kedro_asgi.dispatch.stores import Store, open_store
from kedro_asgi.dispatch.stores.base import RunWrite, WriteResult
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.dispatch.waiting_order import GivenOrder, pack
from kedro_asgi.errors import DrainingError, StoreUnavailableError
from kedro_asgi.events import LogLine, RunPlanned
from kedro_asgi.run_ids import RunIds
from kedro_asgi.runs import RunOrder, RunQuery, RunRecord, RunSpec, Slice

pytestmark = pytest.mark.anyio


def order(pipeline: str, *, key: str | None = None, **params: object) -> RunOrder:
    spec = RunSpec(slice=Slice(pipeline_names=(pipeline,)), runtime_params=params)
    return RunOrder(spec=spec, key=key)


async def test_a_caller_of_a_queued_run_returns_at_the_close_and_opens_nothing(dispatcher, tmp_path: Path) -> None:
    waited: list[RunRecord] = []

    async def wait(runs: Dispatcher, run_id: str) -> None:
        waited.append(await runs.wait(run_id))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            async with dispatcher(tmp_path / "runs.db", max_concurrent_runs=1) as runs:
                await runs.submit("wait", runtime_params={"seconds": 300})
                queued = await runs.submit("count")
                tasks.start_soon(wait, runs, queued.run_id)
                await anyio.wait_all_tasks_blocked()
    assert [record.status for record in waited] == ["queued"]
    assert runs.gauges() == {}
    assert not (tmp_path / "started").exists()


async def test_a_keyed_run_that_the_next_server_gets_is_refused_and_not_failed(dispatcher, tmp_path: Path) -> None:
    refused: list[str] = []

    async def run(runs: Dispatcher) -> None:
        with pytest.raises(DrainingError):
            await runs.run(order("count", key="k"))
        refused.append("k")

    async with anyio.create_task_group() as tasks, dispatcher(tmp_path / "runs.db", max_concurrent_runs=1) as runs:
        await runs.submit("wait", runtime_params={"seconds": 30})
        tasks.start_soon(run, runs)
        while runs.gauges()["runs_queued"] < 1:
            await anyio.sleep(0.01)
    assert refused == ["k"]
    async with dispatcher(tmp_path / "runs.db") as runs:
        assert (await runs.run(order("count", key="k"))).record.status == "success"
    assert (tmp_path / "started").read_text() == "1\n"


class SlowStore(SQLiteStore):
    """A store whose reads take long."""

    def read_run(self, run_id: str) -> RunRecord | None:
        time.sleep(0.2)
        return super().read_run(run_id)


@pytest.mark.parametrize("file", [None, "runs.db"])
async def test_callers_read_how_their_run_ended_before_the_store_closes(
    dispatcher, tmp_path: Path, file: str | None
) -> None:
    statuses: list[str] = []

    async def wait(runs: Dispatcher, run_id: str) -> None:
        statuses.append((await runs.wait(run_id)).status)

    async with anyio.create_task_group() as tasks:
        async with dispatcher(SlowStore(file and tmp_path / file)) as runs:
            running = await runs.submit("wait", runtime_params={"seconds": 30})
            for _ in range(3):
                tasks.start_soon(wait, runs, running.run_id)
            await anyio.wait_all_tasks_blocked()
    assert statuses == ["cancelled"] * 3


class BrokenStore(SQLiteStore):
    """A store that fails every write once it is broken, after a while."""

    is_broken = False
    is_writing = False
    seconds = 0.0

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        if self.is_broken:
            self.is_writing = True
            time.sleep(self.seconds)
            raise StoreUnavailableError("it is broken")
        return super().write(entries)


async def test_callers_return_at_the_close_although_an_end_cannot_be_written(dispatcher, tmp_path: Path) -> None:
    """Only the next server decides how the run ended."""
    store, found = BrokenStore(tmp_path / "runs.db"), []

    async def wait(runs: Dispatcher, run_id: str) -> None:
        found.append((await runs.wait(run_id)).status)

    async def run(runs: Dispatcher) -> None:
        with pytest.raises(DrainingError):
            await runs.run(order("held", key="k"))
        found.append("refused")

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks, dispatcher(store) as runs:
            tasks.start_soon(run, runs)
            while not (listed := (await runs.list(RunQuery(status="running"))).runs):
                await anyio.sleep(0.01)
            tasks.start_soon(wait, runs, listed[0].run_id)
            await anyio.wait_all_tasks_blocked()
            store.is_broken = True
            (tmp_path / "opened").touch()
    assert sorted(found) == ["refused", "running"]


async def test_a_run_that_comes_while_the_last_write_fails_is_refused(dispatcher, tmp_path: Path) -> None:
    store = BrokenStore(tmp_path / "runs.db")
    service = dispatcher(store)._make_service()
    refused: list[str] = []

    async def promise() -> None:
        run_id = RunIds().next()
        with pytest.raises(StoreUnavailableError):
            await service.runs.promise(RunOrder(), pack(RunOrder()), run_id, None)
        refused.append(run_id)

    await service.recorder.open()
    store.is_broken, store.seconds = True, 0.5
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(promise)
            while not store.is_writing:
                await anyio.sleep(0.01)
            tasks.start_soon(promise)
            await anyio.wait_all_tasks_blocked()
            await service.recorder.close()
    assert len(refused) == 2


async def test_an_error_leaves_the_block_as_it_is(dispatcher) -> None:
    runs = dispatcher()
    async with runs:
        await runs.drain()
    with pytest.raises(DrainingError):
        await _submit_too_late(runs)


async def _submit_too_late(runs: Dispatcher) -> None:
    async with runs:
        await runs.drain()
        await runs.submit("calc")


# --- the end of a run ---


def test_a_run_has_ended_in_its_record_and_in_its_events_or_in_neither() -> None:
    written: list[RunWrite] = []
    record = RunRecord(run_id=RunIds().next(), status="queued", created_at=datetime.now(UTC))
    pending = PendingWrite(RunAdmitted(record=record), WriteOptions(owner="me", keep_order_bytes=0))

    def write_at_once(outbox: Outbox, *, is_urgent: bool = False) -> None:
        pending.take(outbox.take())
        written.append(pending.next_write())
        pending.settle(written[-1], "stored")

    run = ActiveRun(record, GivenOrder(read=RunSpec), write_at_once, Policy(), is_promised=False)
    run.enqueue()
    run.start()
    run.begin()
    run.outbox.emit(RunPlanned(run_id=record.run_id, nodes=1))
    run.end("success")
    run.outbox.emit(LogLine(run_id=record.run_id, level="INFO", logger="late", message="a thread of the run goes on"))
    for write in written:
        assert write.record.is_final == any(batch.is_last for batch in write.event_batches)
    assert [write.record.status for write in written] == ["running", "running", "success"]


async def test_a_run_is_kept_in_memory_until_its_end_is_written(dispatcher) -> None:
    """The answer about its first record may come after its end."""
    async with dispatcher() as runs:
        await runs.run(order("calc"))
        service = runs._service
        await service.recorder.flush()
        assert not service.runs
        run = service.runs.start(order("calc"), GivenOrder(read=lambda: order("calc").spec))
        await run.closed()
        service.states_written([Written(run_id=run.record.run_id, status="running", result="stored")])
        assert run.record.run_id in service.runs
        service.states_written([Written(run_id=run.record.run_id, status="success", result="stored")])
        assert not service.runs


async def test_a_run_that_another_worker_has_adopted_is_answered_when_it_ends(dispatcher, tmp_path: Path) -> None:
    """A database may take a worker for dead when only its connection is lost."""
    statuses: list[str] = []

    async def run(runs: Dispatcher) -> None:
        statuses.append((await runs.run(order("held"))).record.status)

    other = open_store(tmp_path / "runs.db")
    async with dispatcher(tmp_path / "runs.db") as runs, anyio.create_task_group() as tasks:
        tasks.start_soon(run, runs)
        while not (listed := (await runs.list(RunQuery(status="running"))).runs):
            await anyio.sleep(0.01)
        await anyio.to_thread.run_sync(_take, other, listed[0].run_id, runs._service.owner)
        (tmp_path / "opened").touch()
    assert statuses == ["success"]


async def test_nothing_is_kept_of_a_run_that_another_worker_has(dispatcher, tmp_path: Path) -> None:
    async with dispatcher(tmp_path / "runs.db") as runs:
        run_id, service = (await runs.submit("held")).run_id, runs._service
        while service.runs[run_id].phase != "running":
            await anyio.sleep(0.01)
        service.runs.lose(service.runs[run_id])
        await service.recorder.flush()
        kept = [found for found in gc.get_objects() if type(found) is PendingWrite and found.record.run_id == run_id]
        (tmp_path / "opened").touch()
    assert kept == []


def _take(other: Store, run_id: str, former: str) -> None:
    other.open("other")
    assert other.adopt(run_id, former_owner=former, owner="other") is not None
    other.close()
