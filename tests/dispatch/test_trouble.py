"""Stores that fail at the worst moment: nothing is lost, run twice, or left without an end."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.dispatch.stores.base import AdoptedRun, OldRecords, RunWrite, WriteResult
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.dispatch.waiting_order import pack
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.run_ids import RunIds
from kedro_asgi.runs import RunOrder, RunQuery, RunRecord, RunSpec, RunStatus, Slice
from kedro_asgi.session import AsyncSession

pytestmark = pytest.mark.anyio

Fails = Callable[[RunWrite], bool]


class TroubledStore(SQLiteStore):
    """A store that fails one write, before or after it is stored."""

    def __init__(self, path: Path, fails: Fails, *, is_written: bool) -> None:
        super().__init__(path)
        self.has_failed = False
        self._fails = fails
        self._is_written = is_written

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        if self.has_failed or not any(map(self._fails, entries)):
            return super().write(entries)
        self.has_failed = True
        if self._is_written:
            super().write(entries)
        raise StoreUnavailableError("the connection broke")


class ReluctantStore(SQLiteStore):
    """A store that confirms no run's first write, and fails one adoption."""

    takes = 0

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._known: set[str] = set()

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        results = super().write(entries)
        new = {entry.record.run_id for entry in entries} - self._known
        self._known |= new
        if new:
            raise StoreUnavailableError("the connection broke")
        return results

    def adopt(self, run_id: str, *, former_owner: str | None, owner: str) -> AdoptedRun | None:
        self.takes += 1
        if self.takes == 2:
            raise StoreUnavailableError("the connection broke")
        return super().adopt(run_id, former_owner=former_owner, owner=owner)


class UnreadableStore(SQLiteStore):
    """A store of which no more than ``reads_left`` records can be read."""

    reads_left = 1_000_000

    def read_run(self, run_id: str) -> RunRecord | None:
        self.reads_left -= 1
        if self.reads_left < 0:
            raise StoreUnavailableError("the connection broke")
        return super().read_run(run_id)


class GoneStore(SQLiteStore):
    """A store that can be neither read nor written while it ``is_gone``."""

    is_gone = False

    def read_run(self, run_id: str) -> RunRecord | None:
        self.check_writable()
        return super().read_run(run_id)

    def check_writable(self) -> None:
        if self.is_gone:
            raise StoreUnavailableError("the connection broke")
        super().check_writable()


def becomes(status: str) -> Fails:
    return lambda entry: entry.record.status == status


def order(pipeline: str, **params: object) -> RunOrder:
    return RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,)), runtime_params=params))


async def left_behind(path: Path, *, status: RunStatus, on_interrupt: str = "mark") -> RunRecord:
    """Return a run whose worker died."""
    return await anyio.to_thread.run_sync(partial(_leave_behind, path, status, on_interrupt))


def _leave_behind(path: Path, status: RunStatus, on_interrupt: str) -> RunRecord:
    store, now = SQLiteStore(path), datetime.now(UTC)
    store.open("a worker that died")
    record = RunRecord(run_id=RunIds().next(), status=status, created_at=now, started_at=now, pipeline_names=("count",))
    ordered = msgspec.structs.replace(order("count"), on_interrupt=on_interrupt)
    store.write(
        [
            RunWrite(
                record=record, expected_status=None, owner="a worker that died", created_at_ms=1, order=pack(ordered)
            )
        ]
    )
    store.close()
    return record


def make_dispatcher(work: Path, store: SQLiteStore, **policy: object) -> Dispatcher:
    session = AsyncSession.create(project_path=work)
    return Dispatcher(session, store=store, policy=Policy(**{"grace_seconds": 0.1, **policy}))


async def test_a_worker_that_writes_nothing_learns_from_reads_that_the_store_is_gone(
    work: Path, tmp_path: Path
) -> None:
    store = GoneStore(tmp_path / "runs.db")
    async with make_dispatcher(work, store) as runs:
        record = await runs.wait((await runs.submit("count")).run_id)
        store.is_gone = True
        with pytest.raises(StoreUnavailableError):
            await runs.read(record.run_id)
        with anyio.fail_after(60):
            while runs.failure is None:
                await anyio.sleep(0.01)
            store.is_gone = False
            while runs.failure is not None:
                await anyio.sleep(0.01)
        assert await runs.read(record.run_id) == record


@pytest.mark.parametrize("is_written", [True, False])
@pytest.mark.parametrize("status", ["running", "success"])
async def test_a_promised_run_ends_although_a_write_fails(
    work: Path, tmp_path: Path, status: str, is_written: bool
) -> None:
    store = TroubledStore(tmp_path / "runs.db", becomes(status), is_written=is_written)
    async with make_dispatcher(work, store) as runs:
        run = await runs.submit("count")
        with anyio.fail_after(60):
            assert (await runs.wait(run.run_id)).status == "success"
    assert store.has_failed
    assert (tmp_path / "started").read_text() == "1\n"


@pytest.mark.parametrize("is_written", [True, False])
async def test_the_end_of_a_run_is_recorded_although_its_first_write_failed(
    work: Path, tmp_path: Path, is_written: bool
) -> None:
    store = TroubledStore(tmp_path / "runs.db", becomes("running"), is_written=is_written)
    ended: list[RunRecord] = []

    async def run(runs: Dispatcher) -> None:
        ended.append((await runs.run(order("held"))).record)

    async with make_dispatcher(work, store) as runs, anyio.create_task_group() as tasks:
        tasks.start_soon(run, runs)
        with anyio.fail_after(60):
            while not store.has_failed:
                await anyio.sleep(0.01)
        (tmp_path / "opened").touch()
    async with make_dispatcher(work, SQLiteStore(tmp_path / "runs.db")) as runs:
        assert (await runs.read(ended[0].run_id)).status == "success"
        told = [published.sequence async for published in runs.follow(ended[0].run_id)]
        assert told == list(range(1, len(told) + 1))


@pytest.mark.parametrize("is_written", [True, False])
async def test_a_dead_workers_run_is_interrupted_and_run_again_once_although_a_write_fails(
    work: Path, tmp_path: Path, is_written: bool
) -> None:
    left = await left_behind(tmp_path / "runs.db", status="running", on_interrupt="rerun")
    store = TroubledStore(tmp_path / "runs.db", becomes("interrupted"), is_written=is_written)
    async with make_dispatcher(work, store, grace_seconds=5) as runs:
        with anyio.fail_after(60):
            record = await runs.wait(left.run_id)
            assert (await runs.wait(record.resubmitted_as)).status == "success"
        assert len((await runs.list(RunQuery())).runs) == 2
    assert (record.status, store.has_failed) == ("interrupted", True)
    assert (tmp_path / "started").read_text() == "1\n"


async def test_runs_whose_first_write_was_not_confirmed_are_adopted_once(work: Path, tmp_path: Path) -> None:
    store = ReluctantStore(tmp_path / "runs.db")
    async with make_dispatcher(work, store, grace_seconds=5) as runs:

        async def submit() -> None:
            # The second node would load the file while another run writes it.
            with pytest.raises(StoreUnavailableError):
                await runs.submit("held", node_names=["one"])

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(submit)
        with anyio.fail_after(60):
            while len((await runs.list(RunQuery(status="running"))).runs) < 3:
                await anyio.sleep(0.01)
            takes = store.takes
            await runs._service.recovery.adopt_orphans()
            assert store.takes == takes
            (tmp_path / "opened").touch()
            ended = [await runs.wait(found.run_id) for found in (await runs.list(RunQuery())).runs]
        assert [record.status for record in ended] == ["success"] * 3


async def test_a_run_that_is_adopted_during_the_drain_takes_no_slot(work: Path, tmp_path: Path) -> None:
    left = await left_behind(tmp_path / "runs.db", status="queued")
    async with make_dispatcher(work, SQLiteStore(tmp_path / "runs.db"), max_concurrent_runs=1) as runs:
        await runs.submit("wait", runtime_params={"seconds": 30})
        await runs.drain()
        runs._service.runs.run_adopted(left, pack(order("count")), last_event=0)
        assert runs.gauges()["runs_queued"] == 0


async def test_a_caller_that_may_hang_up_learns_that_the_store_fails(work: Path, tmp_path: Path) -> None:
    store, asked = UnreadableStore(tmp_path / "runs.db"), msgspec.structs.replace(order("count"), key="k")
    async with make_dispatcher(work, store) as runs:
        await runs.wait((await runs.accept(asked))[0].run_id)
        # The first read finds the run of the key, the next one waits for its end.
        store.reads_left = 1
        with pytest.raises(StoreUnavailableError, match="the connection broke"):
            await runs.run(asked, until=anyio.sleep_forever)


class SmallStore(SQLiteStore):
    """A store that refuses large values, as PostgreSQL and SQLite refuse a gigabyte."""

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
        return connection


@pytest.mark.parametrize("output", [b'"%s"' % (b"x" * 200_000), 5, "text"])
async def test_a_run_whose_outputs_cannot_be_stored_fails_and_disturbs_no_other(
    work: Path, tmp_path: Path, output: object
) -> None:
    session = AsyncSession.create(project_path=work)
    store = SmallStore(tmp_path / "runs.db")
    async with Dispatcher(session, store=store, convert=lambda name, value: output) as runs:
        run = await runs.submit("calc", outputs=["d"])
        with anyio.fail_after(60):
            await runs.wait(run.run_id)
            record = await runs.read(run.run_id)
            assert (record.status, record.error.type, record.outputs) == ("failure", "UnstorableRunError", ())
            assert [told.event.status async for told in runs.follow(run.run_id) if told.is_last] == ["failure"]
            assert (await runs.wait((await runs.submit("calc")).run_id)).status == "success"


async def test_a_store_that_comes_late_and_is_newer_is_not_available(work: Path, tmp_path: Path) -> None:
    folder, newer = tmp_path / "folder", tmp_path / "newer"
    folder.write_text("not a folder")
    newer.mkdir()
    await anyio.to_thread.run_sync(_make_newer, newer / "runs.db")
    async with make_dispatcher(work, SQLiteStore(folder / "runs.db")) as runs:
        # At once: in between, the service would make a folder of its own.
        (tmp_path / "link").symlink_to(newer)
        (tmp_path / "link").replace(folder)
        with anyio.fail_after(60):
            while "schema version 99" not in (runs.failure or ""):
                await anyio.sleep(0.05)
            with pytest.raises(StoreUnavailableError, match="schema version 99"):
                await runs.submit("calc")


def _make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


class SwitchedStore(SQLiteStore):
    """A store that fails every write while it is off."""

    is_off = False

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        if self.is_off:
            # As long as others may want to start meanwhile.
            time.sleep(0.3)
            raise StoreUnavailableError("it is off")
        return super().write(entries)


class OffStore(SQLiteStore):
    """A store that can only be read while it is off."""

    is_off = False
    tries = 0

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[sqlite3.Connection]:
        if writes and self.is_off:
            self.tries += 1
            raise StoreUnavailableError("it is off")
        with super().transaction(writes=writes) as connection:
            yield connection


async def test_a_store_that_failed_is_not_available_before_something_was_written(work: Path, tmp_path: Path) -> None:
    """Also when nothing is left to write."""
    store = OffStore(tmp_path / "runs.db")
    async with make_dispatcher(work, store) as runs:
        store.is_off = True
        with pytest.raises(StoreUnavailableError):
            await runs.submit("calc")
        assert runs.metrics.totals()["kedro_asgi_runs_unwritten_lost_total"] == {(): [0.0]}
        with anyio.fail_after(60):
            while store.tries < 4:
                assert runs.failure == "it is off"
                await anyio.sleep(0.01)
            store.is_off = False
            while runs.failure is not None:
                await anyio.sleep(0.01)
        assert (await runs.wait((await runs.submit("calc")).run_id)).status == "success"


async def test_runs_that_gave_up_their_slots_while_the_store_failed_start_first_and_in_order(
    work: Path, tmp_path: Path
) -> None:
    store = SwitchedStore(tmp_path / "runs.db")
    async with make_dispatcher(work, store, max_concurrent_runs=3, grace_seconds=5) as runs:
        for _ in range(3):
            await runs.submit("held")
        queued = [(await runs.submit("count", runtime_params={"a": number})).run_id for number in range(6)]
        store.is_off = True
        (tmp_path / "opened").touch()
        await _until_places_are_free(runs)
        async with anyio.create_task_group() as tasks:
            for gate in ("first", "last", "last"):
                tasks.start_soon(runs.run, order("held", gate=gate))
            await anyio.wait_all_tasks_blocked()
            store.is_off = False
            while runs.failure is not None:
                await anyio.sleep(0.01)
            # One place for all of them.
            (tmp_path / "first").touch()
            for run_id in queued:
                assert (await runs.wait(run_id)).status == "success"
            (tmp_path / "last").touch()
    assert (tmp_path / "started").read_text().split() == ["0", "1", "2", "3", "4", "5"]


async def _until_places_are_free(runs: Dispatcher) -> None:
    with anyio.fail_after(60):
        while runs.failure is None or runs.gauges()["runs_running"]:
            await anyio.sleep(0.01)


class BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("this handler is broken")


@pytest.mark.parametrize(("pipeline", "status"), [("calc", "success"), ("boom", "failure")])
async def test_a_handler_that_raises_keeps_no_run_from_its_end(
    work: Path, pipeline: str, status: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    logger, handler = logging.getLogger("kedro_asgi.dispatch.report"), BrokenHandler()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    request.addfinalizer(lambda: (logger.removeHandler(handler), logger.setLevel(level)))
    async with Dispatcher(AsyncSession.create(project_path=work)) as runs:
        with anyio.fail_after(60):
            assert (await runs.run(order(pipeline))).record.status == status
        assert runs.gauges()["runs_running"] == 0
    assert "this handler is broken" in capsys.readouterr().err


async def test_a_handler_that_raises_keeps_the_writer_thread_and_the_service_going(
    work: Path, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    logger, handler = logging.getLogger("kedro_asgi.dispatch"), BrokenHandler()
    logger.addHandler(handler)
    request.addfinalizer(lambda: logger.removeHandler(handler))
    store = OffStore(tmp_path / "runs.db")
    async with make_dispatcher(work, store) as runs:
        with anyio.fail_after(60):
            store.is_off = True
            with pytest.raises(StoreUnavailableError):
                await runs.submit("calc")
            store.is_off = False
            while runs.failure is not None:
                await anyio.sleep(0.01)
            assert (await runs.wait((await runs.submit("calc")).run_id)).status == "success"
    assert "this handler is broken" in capsys.readouterr().err


class CountingStore(SQLiteStore):
    """A store that notes how many runs each transaction deletes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.deleted: list[int] = []

    def delete_old(self, old: OldRecords, *, keys_before_ms: int) -> None:
        self.deleted.append(len(old.run_ids))
        super().delete_old(old, keys_before_ms=keys_before_ms)


async def test_promises_wait_for_the_deletion_of_few_old_runs(work: Path, tmp_path: Path) -> None:
    store = CountingStore(tmp_path / "runs.db")
    async with make_dispatcher(work, store, keep_runs=5) as runs:
        for _ in range(50):
            await runs.run(order("calc"))
        await runs._service.recorder.flush()
        await runs._service.old_runs.forget()
        assert len((await runs.list(RunQuery())).runs) == 5
    assert sum(store.deleted) == 45
    assert max(store.deleted) == 20
