"""Rows that nobody can read, and errors in the service's own work: they hurt nothing but themselves."""

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.dispatch.executors.thread import ThreadExecutor
from kedro_asgi.dispatch.stores.base import RunWrite, WriteResult
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.dispatch.supervision import LongLivedWork, keep_going
from kedro_asgi.dispatch.waiting_order import pack
from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import RunStoppedError
from kedro_asgi.events import EventsLost
from kedro_asgi.run_ids import RunIds
from kedro_asgi.runs import RunId, RunOrder, RunQuery, RunRecord, RunSpec, RunStatus, Slice
from kedro_asgi.session import AsyncSession

pytestmark = pytest.mark.anyio

IDS = RunIds()
DAMAGES = {
    "no JSON": "run_order = 'x'",
    "half of a value": "run_order = substr(run_order, 1, 20)",
    "bytes that are no text": "run_order = x'7bff7d'",
    "text that is no text": "record = CAST(x'ff22' AS TEXT)",
    "an option of a later version": """run_order = '{"on_interrupt": "pause"}'""",
    "a number beyond all": f"""run_order = '{{"timeout_seconds": 1{"0" * 400}}}'""",
    "more digits than Python reads": f"""run_order = '{{"timeout_seconds": {"1" * 5000}}}'""",
    "too deep": f"""run_order = '{{"spec": {{"inputs": {{"x": {"[" * 100_000}{"]" * 100_000}}}}}}}'""",
    "no record": "record = ''",
    "a record that is no object": "record = '[]'",
    "a record of another run": """record = replace(record, '"run_id":"20', '"run_id":"30')""",
    "a record and an order": "record = 'x', run_order = 'x'",
    "a status of a later version": """status = 'paused', record = replace(record, '"queued"', '"paused"')""",
    "a time beyond all": "record = 'x', created_at = 9000000000000000000",
    "a time that is no number": "record = 'x', created_at = 'yesterday'",
}


def leave_behind(path: Path, *, status: RunStatus = "queued", inputs: dict[str, Any] | None = None) -> RunId:
    """Return a run whose worker died."""
    store, now, owner = SQLiteStore(path), datetime.now(UTC), "a worker that died"
    store.open(owner)
    record = RunRecord(run_id=IDS.next(), status=status, created_at=now, pipeline_names=("calc",))
    spec = RunSpec(slice=Slice(pipeline_names=("calc",)), inputs=inputs or {})
    order = RunOrder(spec=spec, on_interrupt="rerun")
    store.write([RunWrite(record=record, expected_status=None, owner=owner, created_at_ms=1, order=pack(order))])
    store.close()
    return record.run_id


def change(path: Path, sql: str, run_id: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, (run_id,))


def damaged(path: Path, change_of_row: str, **facts: Any) -> RunId:
    run_id = leave_behind(path, **facts)
    change(path, f"UPDATE runs SET {change_of_row} WHERE run_id = ?", run_id)
    return run_id


async def off_loop(function: Callable[..., Any], *arguments: Any, **facts: Any) -> Any:
    return await anyio.to_thread.run_sync(partial(function, *arguments, **facts))


def make_dispatcher(work: Path, store: SQLiteStore, **facts: Any) -> Dispatcher:
    policy = Policy(grace_seconds=5, look_seconds=0.02)
    return Dispatcher(AsyncSession.create(project_path=work), store=store, policy=policy, **facts)


@pytest.mark.parametrize("status", ["queued", "running"])
async def test_a_run_that_cannot_be_read_fails_and_disturbs_no_other(
    work: Path, tmp_path: Path, status: RunStatus, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "runs.db"
    run_ids = {name: await off_loop(damaged, path, sql, status=status) for name, sql in DAMAGES.items()}
    intact = await off_loop(leave_behind, path)
    async with make_dispatcher(work, SQLiteStore(path)) as runs:
        with anyio.fail_after(60):
            assert (await runs.wait(intact)).status == "success"
            for name, run_id in run_ids.items():
                ended = await runs.wait(run_id)
                assert (name, ended.status, ended.error.type) == (name, "failure", "UnreadableRunError")
                assert ended.error.message.startswith("The stored run cannot be read: ")
                assert [told.event.status async for told in runs.follow(run_id)] == ["failure"]
        assert len((await runs.list(RunQuery())).runs) == len(DAMAGES) + 1
        assert (await runs.wait((await runs.submit("calc")).run_id)).status == "success"


async def test_records_that_cannot_be_read_are_listed_as_such_and_logged_once(
    work: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "runs.db"
    intact = await off_loop(leave_behind, path)
    async with make_dispatcher(work, SQLiteStore(path)) as runs:
        await runs.wait(intact)
    gone = await off_loop(damaged, path, "record = x'00ff', status = 'success', ended_at = 5")
    async with make_dispatcher(work, SQLiteStore(path)) as runs:
        for _ in range(3):
            listed = (await runs.list(RunQuery())).runs
        read = await runs.read(gone)
    assert [found.run_id for found in listed] == [gone, intact]
    assert listed[0] == read
    assert (read.status, read.error.type) == ("success", "UnreadableRunError")
    assert [line.name for line in caplog.records if gone in line.getMessage()] == ["kedro_asgi.dispatch.stores.rows"]


@pytest.mark.parametrize("text", ["\ud800", "a\udc80b", "\ud83d \ude00"])
async def test_half_of_a_surrogate_pair_survives_a_restart(work: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "runs.db"
    run_id = await off_loop(leave_behind, path, inputs={text: {text: [text]}})
    async with make_dispatcher(work, SQLiteStore(path)) as runs:
        with anyio.fail_after(60):
            ended = await runs.wait(run_id)
        # The pipeline has no such dataset: the run was read, and could begin.
        assert (ended.status, ended.error.type) != ("failure", "UnreadableRunError")
        assert ended.started_at is not None


async def test_events_that_cannot_be_read_are_counted_and_passed_over(work: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with make_dispatcher(work, SQLiteStore(path)) as runs:
        run = await runs.submit("calc")
        await runs.wait(run.run_id)
        good = [told async for told in runs.follow(run.run_id)]
        await off_loop(change, path, "UPDATE events SET payload = '[{' WHERE run_id = ?", run.run_id)
        with anyio.fail_after(60):
            told = [found.event async for found in runs.follow(run.run_id)]
    assert {type(event) for event in told} == {EventsLost}
    assert sum(event.count for event in told) == len(good)


class FaultyStore(SQLiteStore):
    """A store in which one method raises what nobody expects, for as long as ``is_faulty``."""

    def __init__(self, path: Path, method: str) -> None:
        super().__init__(path)
        self.is_faulty = True
        self.calls: Counter[str] = Counter()
        setattr(self, method, partial(self._call, method, getattr(super(), method)))

    def _call(self, name: str, method: Callable[..., Any], *arguments: Any, **facts: Any) -> Any:
        self.calls[name] += 1
        if self.is_faulty:
            raise RuntimeError("nobody expects this")
        return method(*arguments, **facts)


WORK = {
    "orphaned_runs": "take over runs",
    "adopt": "take over runs",
    "requested_cancels": "cancel runs for other workers",
    "find_old": "delete old runs",
    "events_after": "give events to readers",
}


@pytest.mark.parametrize("method", WORK)
async def test_the_service_survives_any_error_in_its_own_work(
    work: Path, tmp_path: Path, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    left = await off_loop(leave_behind, tmp_path / "runs.db")
    store = FaultyStore(tmp_path / "runs.db", method)
    async with make_dispatcher(work, store) as runs, anyio.create_task_group() as tasks:

        async def follow() -> None:
            async for _ in runs.follow():
                pass

        tasks.start_soon(follow)
        with anyio.fail_after(60):
            assert (await runs.wait((await runs.submit("calc")).run_id)).status == "success"
            while not store.calls[method]:
                await anyio.sleep(0.01)
            store.is_faulty = False
            assert (await runs.wait(left)).status == "success"
            assert (await runs.wait((await runs.submit("calc")).run_id)).status == "success"
            tasks.cancel_scope.cancel()
    lines = [line for line in caplog.records if line.name == "kedro_asgi.dispatch.supervision"]
    assert {line.levelno for line in lines} == {logging.ERROR}
    assert all(f"could not {WORK[method]}" in line.getMessage() for line in lines)


async def test_work_that_fails_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    calls = 0

    async def fail_once() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError("once")
        if calls == 3:
            tasks.cancel_scope.cancel()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_going, LongLivedWork(name="do it", do=fail_once))
    assert calls >= 3
    assert [line.getMessage() for line in caplog.records] == [
        "The run service could not do it; it tries again in 0.1 seconds."
    ]
    assert caplog.records[0].exc_info[0] is ZeroDivisionError


class StubbornExecutor(ThreadExecutor):
    """An executor that breaks its contract: it raises when it is asked to stop its first run."""

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        stops, self.stops = getattr(self, "stops", 0), getattr(self, "stops", 0) + 1
        if stops == 0:
            raise RuntimeError("nobody expects this")
        super().stop(run_id, reason)


async def test_deadlines_hold_although_one_of_them_raised(
    work: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    session = AsyncSession.create(project_path=work)
    make = partial(StubbornExecutor, session, encode_output)
    async with make_dispatcher(work, SQLiteStore(tmp_path / "runs.db"), make_executor=make) as runs:
        stubborn = await runs.submit("wait", runtime_params={"seconds": 60}, timeout_seconds=0.01)
        with anyio.fail_after(60):
            while not caplog.records:
                await anyio.sleep(0.01)
            other = await runs.submit("wait", runtime_params={"seconds": 60}, timeout_seconds=0.01)
            assert (await runs.wait(other.run_id)).status == "timed_out"
            await runs.cancel(stubborn.run_id)
            assert (await runs.wait(stubborn.run_id)).status == "timed_out"


class RefusingStore(SQLiteStore):
    """A store that refuses, for ever, the state of a run that is stopping."""

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        if any(entry.record.is_stopping for entry in entries):
            raise ValueError("it is too odd")
        return super().write(entries)


class NotingExecutor(ThreadExecutor):
    """An executor that notes why it was asked to stop runs."""

    def __init__(self, session: AsyncSession, reasons: list[str]) -> None:
        super().__init__(session, encode_output)
        self._reasons = reasons

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        self._reasons.append(str(reason))
        super().stop(run_id, reason)


async def test_a_run_that_cannot_be_recorded_any_more_is_told_so(work: Path, tmp_path: Path) -> None:
    session = AsyncSession.create(project_path=work)
    reasons: list[str] = []
    make = partial(NotingExecutor, session, reasons)
    async with make_dispatcher(work, RefusingStore(tmp_path / "runs.db"), make_executor=make) as runs:
        run_id = (await runs.submit("held")).run_id
        with anyio.fail_after(60):
            while runs._service.runs[run_id].phase != "running":
                await anyio.sleep(0.01)
            await runs.cancel(run_id)
            while len(reasons) < 2:
                await anyio.sleep(0.01)
        (tmp_path / "opened").touch()
    assert reasons == ["The run was cancelled.", "The run cannot be stored: it is too odd"]
