"""Schedules of one and of several workers: one run a tick, whatever fails; a test moves the clock by hand."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from schedule_clock import HandClock, move_all, ms, schedule, until_idle

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.schedules.clock import SystemClock
from kedro_asgi.dispatch.schedules.delays import Delays
from kedro_asgi.dispatch.schedules.schedule import Schedule
from kedro_asgi.dispatch.schedules.schedules import Schedules
from kedro_asgi.dispatch.stores.base import RunWrite, Store, WriteResult
from kedro_asgi.dispatch.stores.schedules import ScheduledRun
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import ScheduleNotFoundError, StoreUnavailableError
from kedro_asgi.runs import RunQuery

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

START = "2026-11-29T05:59:30Z"
MakeDispatcher = Callable[..., Dispatcher]


class TroubledStore(SQLiteStore):
    """A store that fails the first write of a tick, before or after it is stored."""

    def __init__(self, path: Path, *, is_written: bool) -> None:
        super().__init__(path)
        self.has_failed = False
        self._is_written = is_written

    def write(self, writes: Sequence[RunWrite]) -> list[WriteResult]:
        is_tick = any(isinstance(write.key, ScheduledRun) for write in writes)
        if self.has_failed or not is_tick:
            return super().write(writes)
        self.has_failed = True
        if self._is_written:
            super().write(writes)
        raise StoreUnavailableError("the connection broke")


class Worker:
    """A worker with schedules at work."""

    def __init__(self, runs: Dispatcher, clock: HandClock) -> None:
        self.runs = runs
        self.clock = clock
        self.schedules = Schedules(runs, clock=clock)

    async def move(self, now: str) -> None:
        await move_all(now, [self.clock])

    async def replace(self, *schedules: Schedule) -> None:
        self.clock.looked_at_ms = 0
        self.schedules.replace(schedules)
        await until_idle(self.clock)

    async def ticks(self, name: str = "minutely") -> list[str]:
        """Return the ticks that have runs, in order."""
        page = await self.runs.list(RunQuery(labels={"schedule": name}, limit=1000))
        return sorted(record.labels.get("scheduled_at", "now")[11:16] for record in page.runs)


@asynccontextmanager
async def working(
    make: MakeDispatcher, store: Store | str, *schedules: Schedule, now: str = START, **policy: object
) -> AsyncIterator[Worker]:
    """Open a worker that knows ``schedules``; the block begins when it has nothing to do."""
    async with make(store, **policy) as runs, anyio.create_task_group() as tasks:
        worker = Worker(runs, HandClock(now))
        worker.schedules.replace(schedules or (schedule(),))
        tasks.start_soon(worker.schedules.work)
        await until_idle(worker.clock)
        yield worker
        tasks.cancel_scope.cancel()


async def test_a_tick_has_a_run_with_the_order_of_the_schedule(dispatcher: MakeDispatcher, store: str) -> None:
    async with working(dispatcher, store) as worker:
        assert await worker.ticks() == []
        await worker.move("2026-11-29T06:00:00Z")
        (record,) = (await worker.runs.list()).runs
        record = await worker.runs.wait(record.run_id)
        assert (record.status, record.pipeline_names) == ("success", ("calc",))
        assert record.labels == {"team": "ml", "schedule": "minutely", "scheduled_at": "2026-11-29T06:00:00Z"}
        await worker.move("2026-11-29T06:00:59Z")
        await worker.move("2026-11-29T06:01:00Z")
        assert await worker.ticks() == ["06:00", "06:01"]


async def test_of_several_workers_one_runs_a_tick(dispatcher: MakeDispatcher, shared_store: str) -> None:
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(working(dispatcher, shared_store)) for _ in range(3)]
        minutes = [f"2026-11-29T06:{minute:02}:00Z" for minute in range(10)]
        for minute in minutes:
            await move_all(minute, [worker.clock for worker in workers])
        assert await workers[0].ticks() == [minute[11:16] for minute in minutes]


async def test_a_worker_with_another_clock_runs_no_tick_again(dispatcher: MakeDispatcher, shared_store: str) -> None:
    async with working(dispatcher, shared_store) as ahead, working(dispatcher, shared_store) as behind:
        await ahead.move("2026-11-29T06:02:10Z")
        await behind.move("2026-11-29T06:01:00Z")
        await behind.move("2026-11-29T06:02:20Z")
        assert await ahead.ticks() == ["06:02"], "older ticks were missed, by the clock that came first"
        await behind.move("2026-11-29T06:03:00Z")
        assert await ahead.ticks() == ["06:02", "06:03"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"missed": "skip"}, []),
        ({"missed": "run-once", "start_deadline_seconds": 86_400.0}, ["06:07"]),
        ({"missed": "run-all", "start_deadline_seconds": 86_400.0}, [f"06:0{n}" for n in range(8)]),
        ({"missed": "run-all", "start_deadline_seconds": 86_400.0, "max_missed": 2}, ["06:06", "06:07"]),
        ({"missed": "run-all", "start_deadline_seconds": 180.0}, ["06:06", "06:07"]),
    ],
)
async def test_ticks_that_pass_without_a_server_have_runs_by_policy(
    dispatcher: MakeDispatcher, tmp_path: Path, fields: dict[str, object], expected: list[str]
) -> None:
    store, known = str(tmp_path / "runs.db"), schedule(cron="0-7 6 * * *", **fields)
    async with working(dispatcher, store, known):
        pass
    async with working(dispatcher, store, known, now="2026-11-29T06:09:00Z") as worker:
        assert await worker.ticks() == expected
        await worker.move("2026-11-30T06:00:00Z")
        assert await worker.ticks() == ["06:00", *expected] if expected else ["06:00"]


async def test_a_paused_schedule_begins_no_runs(dispatcher: MakeDispatcher, shared_store: str) -> None:
    async with working(dispatcher, shared_store) as first, working(dispatcher, shared_store) as second:
        await first.schedules.pause("minutely", is_paused=True)
        both = [first.clock, second.clock]
        await move_all("2026-11-29T06:00:00Z", both)
        await move_all("2026-11-29T06:01:00Z", both)
        (view,) = await second.schedules.view(second.schedules.known, ticks=3)
        assert (view.is_paused, view.next_ticks_ms, view.last_run) == (True, (), None)
        await second.schedules.pause("minutely", is_paused=False)
        await until_idle(*both)
        assert await first.ticks() == [], "ticks of the pause are not missed"
        await move_all("2026-11-29T06:02:00Z", both)
        assert await first.ticks() == ["06:02"]


async def test_a_pause_outlives_its_server(dispatcher: MakeDispatcher, tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    async with working(dispatcher, store) as worker:
        await worker.schedules.pause("minutely", is_paused=True)
    async with working(dispatcher, store, now="2026-11-29T06:00:00Z") as worker:
        (view,) = await worker.schedules.view(worker.schedules.known, ticks=1)
        assert (view.is_paused, await worker.ticks()) == (True, [])


async def test_a_caller_may_run_a_schedule_now(dispatcher: MakeDispatcher, store: str) -> None:
    async with working(dispatcher, store) as worker:
        await worker.schedules.pause("minutely", is_paused=True)
        run = await worker.schedules.run("minutely")
        assert run.labels == {"team": "ml", "schedule": "minutely"}
        record = await worker.runs.wait(run.run_id)
        (view,) = await worker.schedules.view(worker.schedules.known, ticks=1)
        assert view.last_run == record
        with pytest.raises(ScheduleNotFoundError, match="Did you mean 'minutely'"):
            await worker.schedules.run("minutel")


async def test_a_tick_is_skipped_while_the_last_run_goes_on(
    dispatcher: MakeDispatcher, store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(dispatcher, store, schedule(pipeline="held", overlap="skip")) as worker:
        await worker.move("2026-11-29T06:00:00Z")
        await worker.move("2026-11-29T06:01:00Z")
        assert "Schedule 'minutely' skips the tick at 2026-11-29T06:01:00Z: its last run goes on." in caplog.messages
        (record,) = (await worker.runs.list()).runs
        (tmp_path / "opened").touch()
        await worker.runs.wait(record.run_id)
        await worker.move("2026-11-29T06:02:00Z")
        assert await worker.ticks() == ["06:00", "06:02"]


async def test_missed_ticks_are_counted_in_the_log(
    dispatcher: MakeDispatcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = str(tmp_path / "runs.db")
    async with working(dispatcher, store, schedule(pipeline="held", overlap="skip")) as worker:
        await worker.move("2026-11-29T06:00:00Z")
        await worker.move("2026-11-29T06:03:00Z")
        (tmp_path / "opened").touch()
    assert "Schedule 'minutely': 1 missed ticks have no runs." in caplog.messages
    assert "Schedule 'minutely' skips the tick at 2026-11-29T06:02:00Z: its last run goes on." in caplog.messages
    often = schedule(cron="* * * * * *", start_deadline_seconds=1.0)
    async with working(dispatcher, store, often, now="2026-11-29T07:00:00Z"):
        pass
    async with working(dispatcher, store, often, now="2026-11-30T07:00:00Z"):
        pass
    assert [line for line in caplog.messages if "'minutely': at least 3598 missed ticks have no runs." in line]


async def test_runs_may_overlap(dispatcher: MakeDispatcher, store: str, tmp_path: Path) -> None:
    async with working(dispatcher, store, schedule(pipeline="held")) as worker:
        await worker.move("2026-11-29T06:00:00Z")
        await worker.move("2026-11-29T06:01:00Z")
        assert await worker.ticks() == ["06:00", "06:01"]
        (tmp_path / "opened").touch()


async def test_a_full_queue_delays_a_tick(
    dispatcher: MakeDispatcher, store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(dispatcher, store, max_concurrent_runs=1, max_queued_runs=0) as worker:
        held = await worker.runs.submit("held")
        await worker.move("2026-11-29T06:00:00Z")
        await worker.move("2026-11-29T06:00:10Z")
        assert await worker.ticks() == []
        assert sum(message.startswith("Schedule 'minutely' waits: ") for message in caplog.messages) == 1
        (tmp_path / "opened").touch()
        await worker.runs.wait(held.run_id)
        await worker.move("2026-11-29T06:00:11Z")
        assert await worker.ticks() == [], "the second refusal doubles the delay"
        await worker.move("2026-11-29T06:00:12Z")
        assert await worker.ticks() == ["06:00"]


async def test_a_tick_is_tried_a_last_time_before_its_deadline(
    dispatcher: MakeDispatcher, store: str, tmp_path: Path
) -> None:
    async with working(dispatcher, store, max_concurrent_runs=1, max_queued_runs=0) as worker:
        held = await worker.runs.submit("held")
        for second in (0, 1, 3, 7, 15, 31):
            await worker.move(f"2026-11-29T06:00:{second:02}Z")
        (tmp_path / "opened").touch()
        await worker.runs.wait(held.run_id)
        await worker.move("2026-11-29T06:00:58Z")
        assert await worker.ticks() == []
        await worker.move("2026-11-29T06:00:59Z")
        assert await worker.ticks() == ["06:00"]


async def test_a_tick_that_is_given_up_holds_up_no_later_one(
    dispatcher: MakeDispatcher, store: str, tmp_path: Path
) -> None:
    often = schedule(cron="*/10 * * * * *", start_deadline_seconds=5.0)
    async with working(dispatcher, store, often, max_concurrent_runs=1, max_queued_runs=0) as worker:
        held = await worker.runs.submit("held")
        for second in range(16):
            await worker.move(f"2026-11-29T06:00:{second:02}Z")
        assert await worker.ticks() == []
        (tmp_path / "opened").touch()
        await worker.runs.wait(held.run_id)
        await worker.move("2026-11-29T06:00:20Z")
        (record,) = (await worker.runs.list(RunQuery(labels={"schedule": "minutely"}))).runs
        assert record.labels["scheduled_at"] == "2026-11-29T06:00:20Z"


async def test_the_delays_of_refused_ticks_grow_and_end() -> None:
    delays, error = Delays(), StoreUnavailableError("it is full")
    waits = []
    for number in range(8):
        now_ms = number * 60_000
        waits.append(delays.refuse("daily", error, now_ms) - now_ms)
    assert waits == [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]
    assert delays.until_ms("daily", now_ms) == now_ms + 30_000
    assert delays.until_ms("daily", now_ms + 30_000) is None
    assert delays.until_ms("daily", now_ms - 1) is None, "the clock was put back"
    assert delays.until_ms("other", now_ms) is None
    assert delays.refuse("daily", error, now_ms, deadline_ms=now_ms + 20_000) == now_ms + 19_000, "a last time"
    assert delays.refuse("daily", error, now_ms, deadline_ms=now_ms + 1000) == now_ms + 1001, "the next one"
    assert delays.refuse("daily", error, now_ms, deadline_ms=now_ms - 1) == now_ms + 30_000
    delays.end("daily")
    assert delays.refuse("daily", error, now_ms, deadline_ms=now_ms + 20_000) == now_ms + 1000


async def test_schedules_go_on_in_a_store_that_has_lost_them(dispatcher: MakeDispatcher, tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    async with working(dispatcher, store) as worker:
        await anyio.to_thread.run_sync(_forget_schedules, store)
        await worker.move("2026-11-29T05:59:40Z")
        await worker.move("2026-11-29T06:00:00Z")
        assert await worker.ticks() == ["06:00"]


def _forget_schedules(store: SQLiteStore) -> None:
    with store.transaction(writes=True) as connection:
        connection.execute("DELETE FROM schedules")


@pytest.mark.parametrize("is_written", [False, True])
async def test_a_tick_has_one_run_although_a_write_fails(
    dispatcher: MakeDispatcher, tmp_path: Path, is_written: bool
) -> None:
    store = TroubledStore(tmp_path / "runs.db", is_written=is_written)
    async with working(dispatcher, store) as worker:
        await worker.move("2026-11-29T06:00:00Z")
        assert store.has_failed
        with anyio.fail_after(60):
            while worker.runs.failure is not None:
                await anyio.sleep(0.001)
        await worker.move("2026-11-29T06:00:02Z")
        (record,) = (await worker.runs.list()).runs
        assert (await worker.runs.wait(record.run_id)).status == "success"
        assert await worker.ticks() == ["06:00"]


async def test_a_schedule_that_changes_begins_with_its_next_tick(dispatcher: MakeDispatcher, tmp_path: Path) -> None:
    store, all_day = str(tmp_path / "runs.db"), {"missed": "run-all", "start_deadline_seconds": 86_400.0}
    async with working(dispatcher, store, schedule(cron="0 5 * * *", **all_day)) as worker:
        await worker.replace(schedule(cron="* * * * *", **all_day), schedule("other"))
        await worker.move("2026-11-29T06:00:00Z")
        assert (await worker.ticks(), await worker.ticks("other")) == (["06:00"], ["06:00"])
        await worker.replace(schedule("other"))
        await worker.move("2026-11-29T06:01:00Z")
        assert (await worker.ticks(), await worker.ticks("other")) == (["06:00"], ["06:00", "06:01"])


async def test_workers_with_different_definitions_lose_no_tick(dispatcher: MakeDispatcher, shared_store: str) -> None:
    """An update replaces one worker after another."""
    old, new = schedule(cron="0 * * * *"), schedule(cron="0,30 * * * *")
    async with working(dispatcher, shared_store, old) as first, working(dispatcher, shared_store, new) as second:
        both = [first.clock, second.clock]
        for minute in ("06:00", "06:30", "07:00"):
            await move_all(f"2026-11-29T{minute}:00Z", both)
        assert await first.ticks() == ["06:00", "06:30", "07:00"]


async def test_a_clock_that_is_put_back_repeats_no_tick(dispatcher: MakeDispatcher, store: str) -> None:
    async with working(dispatcher, store) as worker:
        await worker.move("2026-11-29T06:01:00Z")
        await worker.move("2026-11-29T06:00:00Z")
        assert await worker.ticks() == ["06:00", "06:01"]
        await worker.move("2026-11-29T06:02:00Z")
        assert await worker.ticks() == ["06:00", "06:01", "06:02"]


async def test_schedules_recover_from_a_clock_that_was_wrong(
    dispatcher: MakeDispatcher, store: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(dispatcher, store) as worker:
        await worker.move("2036-11-29T07:00:30Z")
        (record,) = (await worker.runs.list()).runs
        # The project is open then. While its thread opens it, Kedro's logging has the lines of this one, too.
        await worker.runs.wait(record.run_id)
        await worker.move("2026-11-29T06:00:00Z")
        await worker.move("2026-11-29T06:01:30Z")
        assert await worker.ticks() == ["06:01", "07:00"]
        assert "the clock was put back" in caplog.text


async def test_views_have_the_next_ticks_and_the_last_run(dispatcher: MakeDispatcher, store: str) -> None:
    daily = schedule("daily", "0 6 * * *")
    async with working(dispatcher, store, daily) as worker:
        (view,) = await worker.schedules.view([daily], ticks=2)
        assert view.next_ticks_ms == (ms("2026-11-29T06:00Z"), ms("2026-11-30T06:00Z"))
        await worker.move("2026-11-29T06:00:00Z")
        (record,) = (await worker.runs.list()).runs
        (view,) = await worker.schedules.view([daily], ticks=1)
        assert view.last_run is not None
        assert view.last_run.run_id == record.run_id


async def test_a_store_in_memory_says_what_is_lost(
    dispatcher: MakeDispatcher, store: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with working(dispatcher, store):
        assert any("is in memory" in line for line in caplog.messages) == (store == "memory:")


async def test_the_clock_of_the_store_counts() -> None:
    clock, real_ms = SystemClock(), time.time_ns() // 1_000_000
    assert abs(clock.now_ms() - real_ms) < 60_000
    clock.set_reference(real_ms - 7_200_000)
    assert abs(clock.now_ms() - real_ms + 7_200_000) < 60_000
    wake = anyio.Event()
    wake.set()
    with anyio.fail_after(60):
        await clock.wait(clock.now_ms() + 3_600_000, wake)
        await clock.wait(clock.now_ms() - 1, anyio.Event())
