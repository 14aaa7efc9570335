"""The queue of runs that any worker may claim: one contract for all stores."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from kedro_asgi.dispatch.stores.base import Claim, EventBatch, RunWrite, Store
from kedro_asgi.dispatch.waiting_order import pack
from kedro_asgi.runs import RunId, RunOrder, RunRecord

OpenStore = Callable[..., Store]

ORDER = pack(RunOrder())


def queued(run_id: str, *, owner: str | None = None, **facts: object) -> RunWrite:
    record = RunRecord(run_id=RunId(run_id), status="queued", created_at=datetime.now(UTC))
    facts = {"order": ORDER, **facts}
    return RunWrite(record=record, expected_status=None, owner=owner, created_at_ms=1, **facts)


def changed(run_id: str, status: str, *, expected: str, owner: str = "me", **facts: object) -> RunWrite:
    record = RunRecord(run_id=RunId(run_id), status=status, created_at=datetime.now(UTC))
    ended = 1 if record.is_final else None
    return RunWrite(record=record, expected_status=expected, owner=owner, created_at_ms=1, ended_at_ms=ended, **facts)


def claim(
    store: Store,
    owner: str = "me",
    *,
    limit: int = 9,
    max_owned: int | None = None,
    now_ms: int = 5,
    by_caller: bool = False,
) -> Claim:
    return store.claim_runs(owner, limit=limit, max_owned=max_owned, now_ms=now_ms, by_caller=by_caller)


def ids(found: Claim) -> list[str]:
    return [run.record.run_id for run in found.runs]


def test_the_oldest_runs_are_claimed_first_and_each_once(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([queued("run-2"), queued("run-3"), queued("run-1"), queued("mine", owner="me")])
    first = claim(store, "one", limit=2)
    assert (ids(first), first.is_any_left) == (["run-1", "run-2"], True)
    assert [run.order for run in first.runs] == [ORDER, ORDER]
    second = claim(store, "two", limit=2)
    assert (ids(second), second.is_any_left) == (["run-3"], False)
    assert store.owned_runs("one") == {"run-1", "run-2"}
    assert store.write([changed("run-1", "running", expected="queued", owner="one")]) == ["stored"]
    assert store.write([changed("run-3", "running", expected="queued", owner="one")]) == ["lost"]


def test_a_claim_knows_the_last_event_and_a_wish_to_cancel(open_worker: OpenStore) -> None:
    store = open_worker()
    batch = EventBatch(run_id="run-1", first=1, last=3, payload=b"[]")
    store.write([queued("run-1", event_batches=(batch,)), queued("run-2")])
    assert store.request_cancel("run-2")
    found = claim(store).runs
    assert [(run.last_event, run.is_cancel_requested) for run in found] == [(3, False), (0, True)]


def test_all_workers_together_own_no_more_than_they_may(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([queued(f"run-{number}") for number in range(5)])
    assert ids(claim(store, "one", limit=2, max_owned=3)) == ["run-0", "run-1"]
    assert ids(claim(store, "two", limit=2, max_owned=3)) == ["run-2"]
    full = claim(store, "two", max_owned=3)
    assert (ids(full), full.is_any_left) == ([], True)
    store.write([changed("run-0", "success", expected="queued", owner="one"), queued("later", due_at_ms=9)])
    assert ids(claim(store, "two", max_owned=3)) == ["run-3"]
    claim(store, "two")
    assert [claim(store, "two", max_owned=most).next_due_at_ms for most in (3, 4)] == [9, 9]


def test_a_released_run_can_be_claimed_when_it_is_due(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([queued("run-1")])
    claim(store)
    store.write([changed("run-1", "running", expected="queued")])
    assert store.write([changed("run-1", "queued", expected="running", is_released=True, due_at_ms=8)]) == ["stored"]
    early = claim(store, now_ms=7)
    assert (ids(early), early.next_due_at_ms, early.is_any_left) == ([], 8, False)
    assert ids(claim(store, "other", now_ms=8)) == ["run-1"]


def test_a_new_run_may_be_due_later(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([queued("run-1", due_at_ms=8)])
    assert [store.has_due_runs(now_ms=now_ms) for now_ms in (7, 8)] == [False, True]
    assert ids(claim(store, now_ms=7)) == []
    assert ids(claim(store, now_ms=8)) == ["run-1"]


def test_a_claimed_run_can_be_put_back(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([queued("run-1")])
    claim(store, "one")
    store.return_runs(["run-1"], owner="two")
    assert ids(claim(store, "two")) == []
    store.return_runs(["run-1"], owner="one")
    assert ids(claim(store, "two")) == ["run-1"]


def test_a_full_queue_takes_no_run(open_worker: OpenStore) -> None:
    store = open_worker()
    some = [queued(f"run-{number}", max_queued=2) for number in range(3)]
    assert store.write(some) == ["stored", "stored", "full"]
    assert store.read_run("run-2") is None
    assert store.count_queued() == 2
    claim(store, limit=1)
    assert store.write([queued("run-3", max_queued=2), queued("run-4")]) == ["stored", "stored"]


def test_runs_in_the_queue_are_no_orphans_for_workers_that_claim(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([queued("run-1")])
    assert store.orphaned_runs("me", limit=9, with_queue=False) == []
    assert store.orphaned_runs("me", limit=9) == [("run-1", None)]


@pytest.mark.parametrize("owner", ["me", "other"])
def test_a_worker_is_told_which_runs_it_has(open_worker: OpenStore, owner: str) -> None:
    store = open_worker()
    store.write([queued("run-1", owner="me"), queued("run-2", owner="other"), queued("run-3")])
    store.write([changed("run-1", "success", expected="queued")])
    assert store.owned_runs(owner) == ({"run-2"} if owner == "other" else frozenset())


def test_the_caller_with_the_fewest_runs_is_next(open_worker: OpenStore) -> None:
    store = open_worker()
    many = [queued(f"run-{number}", caller="many") for number in range(4)]
    store.write([*many, queued("run-5", caller="few"), queued("run-6"), queued("run-7", caller="few")])
    assert ids(claim(store, limit=1, by_caller=True)) == ["run-0"]
    assert ids(claim(store, "other", limit=2, by_caller=True)) == ["run-5", "run-6"]
    # All have one now: the oldest run decides.
    assert ids(claim(store, limit=1, by_caller=True)) == ["run-1"]
    assert ids(claim(store, limit=9, by_caller=True)) == ["run-2", "run-3", "run-7"]


def test_a_run_that_is_not_due_has_no_share(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([queued("run-1", caller="a", due_at_ms=9), queued("run-2", caller="b"), queued("run-3", caller="b")])
    found = claim(store, limit=1, by_caller=True)
    assert (ids(found), found.is_any_left) == (["run-2"], True)
    assert ids(claim(store, by_caller=True, now_ms=9)) == ["run-1", "run-3"]


def test_the_caller_of_a_run_stays_with_it(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([queued("run-1", caller="a")])
    assert [run.caller for run in claim(store).runs] == ["a"]
    store.return_runs(["run-1"], owner="me")
    assert store.adopt("run-1", former_owner=None, owner="other").caller == "a"


def test_the_ends_of_many_runs_are_asked_for_at_once(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([queued("run-1", owner="me"), queued("run-2", owner="me"), queued("run-3")])
    store.write([changed("run-1", "cancelled", expected="queued")])
    assert store.ended_runs(["run-1", "run-2", "run-3", "unknown"]) == {"run-1", "unknown"}
