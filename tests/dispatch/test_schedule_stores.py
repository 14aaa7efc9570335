"""The state of schedules in all stores: one run for a tick, whatever workers try."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedro_asgi.dispatch.stores.base import RunWrite, Store
from kedro_asgi.dispatch.stores.schedules import ScheduledRun, ScheduleState
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.runs import RunId, RunRecord

OpenStore = Callable[..., Store]


def scheduled(run_id: str, tick_ms: int | None, *, schedule: str = "daily", owner: str = "me") -> RunWrite:
    record = RunRecord(run_id=RunId(run_id), status="queued", created_at=datetime.now(UTC))
    key = ScheduledRun(schedule=schedule, tick_ms=tick_ms)
    return RunWrite(record=record, expected_status=None, owner=owner, created_at_ms=1, key=key)


def state(store: Store, name: str = "daily") -> ScheduleState:
    (found,) = store.read_schedules([name])
    return found


@pytest.fixture
def store(open_worker: OpenStore) -> Store:
    opened = open_worker()
    opened.define_schedules({"daily": "0 6 * * *"}, now_ms=1000)
    return opened


def test_a_new_schedule_has_no_ticks_before_now(store: Store) -> None:
    assert state(store) == ScheduleState(name="daily", definition="0 6 * * *", defined_ms=1000, decided_ms=1000)
    assert store.read_schedules(["other"]) == store.read_schedules([]) == []


def test_a_schedule_that_is_defined_again_keeps_its_ticks(store: Store) -> None:
    store.define_schedules({"daily": "0 6 * * *"}, now_ms=2000)
    assert state(store).defined_ms == 1000
    store.define_schedules({"daily": "0 7 * * *"}, now_ms=2000)
    assert state(store) == ScheduleState(name="daily", definition="0 7 * * *", defined_ms=2000, decided_ms=1000)


def test_a_tick_has_one_run(store: Store) -> None:
    assert store.write([scheduled("run-1", 2000), scheduled("run-2", 2000)]) == ["stored", "conflict"]
    assert store.write([scheduled("run-3", 2000)]) == ["conflict"]
    assert store.write([scheduled("run-4", 1500)]) == ["conflict"], "an earlier tick is decided, too"
    assert (state(store).decided_ms, state(store).run_id) == (2000, "run-1")
    assert [store.read_run(f"run-{n}") is None for n in range(1, 5)] == [False, True, True, True]


def test_a_write_of_a_tick_that_is_repeated_is_stored_once(store: Store) -> None:
    assert store.write([scheduled("run-1", 2000)]) == ["stored"]
    assert store.write([scheduled("run-2", 3000)]) == ["stored"]
    assert store.write([scheduled("run-1", 2000)]) == ["stored"], "the first attempt was committed"
    assert state(store).run_id == "run-2"


def test_of_many_workers_one_has_the_run(open_worker: OpenStore, store: Store) -> None:
    workers = [store, *(open_worker(f"worker-{n}") for n in range(3))] if store.is_shared else [store] * 4

    def try_ticks(number: int) -> list[bool]:
        write = workers[number].write
        return [write([scheduled(f"run-{number}-{tick}", tick)]) == ["stored"] for tick in range(2000, 2010)]

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(try_ticks, range(4)))
    stored = [sum(found) for found in zip(*results, strict=True)]
    assert max(stored) == stored[-1] == 1, "a tick is decided, too, by the run of a later one"


def test_a_run_that_a_caller_wants_now_decides_no_tick(store: Store) -> None:
    assert store.write([scheduled("run-1", None)]) == ["stored"]
    assert (state(store).decided_ms, state(store).run_id) == (1000, "run-1")


def test_an_unknown_schedule_has_no_runs(store: Store) -> None:
    assert store.write([scheduled("run-1", 2000, schedule="other")]) == ["conflict"]


def test_ticks_are_skipped_by_one_worker(store: Store) -> None:
    assert store.decide_ticks("daily", from_ms=1000, until_ms=2000)
    assert not store.decide_ticks("daily", from_ms=1000, until_ms=2000)
    assert store.write([scheduled("run-1", 2000)]) == ["conflict"]


def test_a_paused_schedule_has_no_runs_and_no_missed_ticks(store: Store) -> None:
    store.pause_schedule("daily", is_paused=True, now_ms=1500)
    assert state(store).is_paused
    assert store.write([scheduled("run-1", 2000)]) == ["conflict"]
    assert not store.decide_ticks("daily", from_ms=1000, until_ms=2000)
    assert store.write([scheduled("run-2", None)]) == ["stored"]
    for now_ms in (3000, 9000):  # the second changes nothing
        store.pause_schedule("daily", is_paused=False, now_ms=now_ms)
        assert (state(store).is_paused, state(store).decided_ms) == (False, 3000)


def test_the_clock_is_the_same_for_all_workers(store: Store) -> None:
    assert abs(store.clock_ms() - datetime.now(UTC).timestamp() * 1000) < 60_000


def test_a_store_from_before_there_were_schedules_gets_them(tmp_path: Path) -> None:
    position = next(n for n, found in enumerate(MIGRATIONS) if "CREATE TABLE schedules" in found[0])
    old = SQLiteStore(tmp_path / "runs.db", migrations=MIGRATIONS[:position])
    old.open("old")
    old.close()
    new = SQLiteStore(tmp_path / "runs.db")
    new.open("new")
    new.define_schedules({"daily": "0 6 * * *"}, now_ms=1)
    assert state(new).decided_ms == 1
    new.close()
