"""A worker dies at any write of its recovery: nothing is lost, and nothing is there twice."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio.to_thread
import pytest

from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.pending_write import MakeNotifications, WriteOptions
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.recorder import Recorder
from kedro_asgi.dispatch.recovery import Recovery
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.stores import open_store
from kedro_asgi.dispatch.stores.base import RunWrite, Store
from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.dispatch.waiting_order import pack
from kedro_asgi.dispatch.wakes import Wakes
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.run_ids import RunIds
from kedro_asgi.runs import RunOrder, RunQuery, RunRecord

pytestmark = pytest.mark.anyio

IDS = RunIds()
FIRST, SECOND, THIRD = "first-worker", "second-worker", "third-worker"


class DyingStore(SQLiteStore):
    """The store of a worker that dies in its n-th transaction that writes, before or after it is committed."""

    def __init__(self, path: Path, *, writes_left: int, is_committed: bool) -> None:
        super().__init__(path)
        self.is_dead = False
        self._writes_left = writes_left
        self._is_committed = is_committed

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[SqlConnection]:
        if self.is_dead:
            raise StoreUnavailableError("the worker is dead")
        self._writes_left -= writes
        self.is_dead = writes and self._writes_left < 0
        if self.is_dead and not self._is_committed:
            raise StoreUnavailableError("the worker dies before the commit")
        with super().transaction(writes=writes) as connection:
            yield connection
        if self.is_dead:
            raise StoreUnavailableError("the worker dies after the commit")


class Observer:
    """Notes the runs that a worker has taken over."""

    def __init__(self) -> None:
        self.adopted: list[str] = []

    def run_adopted(self, record: RunRecord, order: RunOrder, **facts: object) -> None:
        self.adopted.append(record.run_id)

    def has_room(self) -> bool:
        return True

    def take_unconfirmed(self) -> list[str]:
        return []

    def cancel(self, run_id: str) -> None: ...

    def states_written(self, written: object) -> None: ...

    def store_changed(self, **facts: object) -> None: ...


async def recover(store: Store, owner: str, make_notifications: MakeNotifications | None = None) -> list[str]:
    """Let a worker look for orphans until it has dealt with all of them or is dead, and close its store."""
    observer, policy = Observer(), Policy(max_attempts=9)
    options = WriteOptions(owner=owner, keep_order_bytes=policy.keep_order_bytes, make_notifications=make_notifications)
    recorder = Recorder(store, options, policy, observer, Metrics())
    access = StoreAccess(store, store_failed=recorder.check_store)
    await recorder.open()
    recovery = Recovery(access, recorder, observer, options, policy, IDS, Metrics(), wakes=Wakes(store))
    # The second look is for runs whose write was not confirmed.
    for _ in range(2):
        with suppress(StoreUnavailableError):
            await recovery.adopt_orphans()
    await recorder.close()
    return observer.adopted


def leave_behind(store: Store, *, attempt: int = 1, owner: str | None = FIRST) -> RunRecord:
    now = datetime.now(UTC)
    store.open(FIRST)
    record = RunRecord(run_id=IDS.next(), status="running", created_at=now, started_at=now, attempt=attempt)
    order = RunOrder(on_interrupt="rerun")
    store.write([RunWrite(record=record, expected_status=None, owner=owner, created_at_ms=1, order=pack(order))])
    store.close()
    return record


@pytest.mark.parametrize("is_committed", [False, True])
@pytest.mark.parametrize("writes_left", range(1, 5))
async def test_a_worker_that_dies_while_it_recovers_loses_and_doubles_nothing(
    tmp_path: Path, writes_left: int, is_committed: bool
) -> None:
    path = tmp_path / "runs.db"
    left = await anyio.to_thread.run_sync(leave_behind, SQLiteStore(path))
    dying = DyingStore(path, writes_left=writes_left, is_committed=is_committed)
    await recover(dying, SECOND)
    store = SQLiteStore(path)
    adopted = await recover(store, THIRD)
    await anyio.to_thread.run_sync(store.open, "a reader")
    runs = {run.run_id: run for run in (await anyio.to_thread.run_sync(store.list_runs, RunQuery())).runs}
    events = await anyio.to_thread.run_sync(lambda: [store.events_of_run(run, after=0, limit=9) for run in runs])
    store.close()
    successor = runs.pop(runs[left.run_id].resubmitted_as)
    interrupted = runs.pop(left.run_id)
    assert (interrupted.status, successor.status, successor.attempt) == ("interrupted", "queued", 2)
    assert successor.resubmission_of == left.run_id
    assert adopted == [successor.run_id]
    assert not runs
    # One event each: the end of the one, and that the other is queued.
    assert [[(batch.first, batch.last) for batch in batches] for batches in events] == [[(1, 1)], [(1, 1)]]


async def test_a_worker_that_loses_a_run_while_it_records_the_end_does_not_repeat_the_run(shared_store: str) -> None:
    # Without an owner, a run needs no second look before it is taken over.
    left = await anyio.to_thread.run_sync(partial(leave_behind, open_store(shared_store), owner=None))
    faster = open_store(shared_store)
    await anyio.to_thread.run_sync(faster.open, THIRD)

    def take_over(record: RunRecord) -> tuple[()]:
        """Take the run over between its adoption by the second worker and the write of its end."""
        assert faster.adopt(record.run_id, former_owner=SECOND, owner=THIRD) is not None
        return ()

    adopted = await recover(open_store(shared_store), SECOND, take_over)
    found = await anyio.to_thread.run_sync(faster.list_runs, RunQuery())
    await anyio.to_thread.run_sync(faster.close)
    assert adopted == []
    assert found.runs == (left,)


@pytest.mark.parametrize(("attempt", "pause_seconds"), [(1, None), (2, 5), (4, 20)])
async def test_a_run_that_is_interrupted_again_waits_longer_each_time(
    tmp_path: Path, attempt: int, pause_seconds: float | None
) -> None:
    path = tmp_path / "runs.db"
    left = await anyio.to_thread.run_sync(partial(leave_behind, SQLiteStore(path), attempt=attempt))
    store = SQLiteStore(path)
    await recover(store, SECOND)
    await anyio.to_thread.run_sync(store.open, "a reader")
    runs = {run.run_id: run for run in (await anyio.to_thread.run_sync(store.list_runs, RunQuery())).runs}
    store.close()
    successor = runs[runs[left.run_id].resubmitted_as]
    assert (successor.status, successor.attempt) == ("queued", attempt + 1)
    if pause_seconds is None:
        assert successor.next_attempt_at is None
    else:
        pause = (successor.next_attempt_at - successor.created_at).total_seconds()
        assert pause == pytest.approx(pause_seconds, abs=0.5)
