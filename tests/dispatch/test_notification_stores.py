"""Notifications in all stores: kept with the end of a run, and lent to one worker at a time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedro_asgi.dispatch.stores.base import OldRecords, RunWrite, Store
from kedro_asgi.dispatch.stores.notifications import (
    AttemptResult,
    ClaimedNotification,
    NewNotification,
    NotificationClaim,
    NotificationQuery,
    StoredNotification,
)
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.runs import RunId, RunRecord

OpenStore = Callable[..., Store]

BODY = b'{"type":"run.ended"}'
MANY = 100


def ended(run_id: str = "run-1", *webhooks: str, owner: str = "me", at: int = 1000) -> RunWrite:
    record = RunRecord(run_id=RunId(run_id), status="success", created_at=datetime.now(UTC))
    notifications = tuple(
        NewNotification(
            notification_id=f"{run_id}-{webhook}",
            run_id=run_id,
            webhook=webhook,
            body=BODY,
            created_at_ms=at,
            give_up_at_ms=at + 5000,
        )
        for webhook in webhooks
    )
    return RunWrite(
        record=record, expected_status=None, owner=owner, created_at_ms=at, ended_at_ms=at, notifications=notifications
    )


def claim(
    store: Store, *settled: AttemptResult, owner: str = "me", now: int = 1000, **more: object
) -> list[ClaimedNotification]:
    wanted = NotificationClaim(limits={"a": MANY, "b": MANY}, now_ms=now, settled=settled, **more)
    return store.claim_notifications(owner, wanted)


def listed(store: Store, **query: object) -> tuple[StoredNotification, ...]:
    return store.list_notifications(NotificationQuery(**query)).notifications


def failed(notification_id: str, due_at_ms: int | None = None, attempts: int = 1) -> AttemptResult:
    return AttemptResult(notification_id=notification_id, attempts=attempts, problem="500", due_at_ms=due_at_ms)


def test_a_notification_is_there_when_its_run_has_ended(open_worker: OpenStore) -> None:
    store = open_worker()
    assert not store.due_notifications("me", {"a": 1}, now_ms=1000).is_any
    store.write([ended("run-1", "a", "b")])
    assert store.due_notifications("me", {"a": 1}, now_ms=1000).is_any
    assert sorted(found.webhook for found in claim(store)) == ["a", "b"]
    assert listed(store, state="pending", webhook="a")[0].notification_id == "run-1-a"


def test_a_write_that_is_repeated_notifies_once(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended("run-1", "a")])
    store.write([ended("run-1", "a")])
    assert store.count_notifications() == {("a", "pending"): 1}


def test_a_claimed_notification_is_lent_to_nobody_else(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended("run-1", "a")])
    (found,) = claim(store)
    assert (found.notification_id, found.run_id, found.webhook, found.body) == ("run-1-a", "run-1", "a", BODY)
    assert claim(store, now=9999) == []
    assert not store.due_notifications("me", {"a": 1}, now_ms=9999).is_any


def test_no_more_are_claimed_than_wanted_and_the_earliest_first(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended("run-2", "a", at=900), ended("run-1", "a", at=1000), ended("run-3", "b")])
    found = store.claim_notifications("me", NotificationClaim(limits={"a": 1, "b": 0}, now_ms=1000))
    assert [one.run_id for one in found] == ["run-2"]


def test_a_delivered_notification_is_deleted(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended("run-1", "a")])
    claim(store)
    assert claim(store, AttemptResult(notification_id="run-1-a", attempts=1)) == []
    assert store.count_notifications() == {}


def test_a_notification_is_lent_again_when_it_is_due(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended("run-1", "a")])
    claim(store)
    assert claim(store, failed("run-1-a", due_at_ms=2000)) == []
    assert claim(store, now=1999) == []
    (found,) = claim(store, now=2000)
    assert found.attempts == 1


def test_a_failed_notification_is_kept_until_it_is_sent_again(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended("run-1", "a")])
    claim(store)
    claim(store, failed("run-1-a"), now=10**9)
    (found,) = listed(store, state="failed")
    assert (found.attempts, found.problem, found.due_at_ms) == (1, "500", None)
    again = store.send_notification_again("run-1-a", now_ms=3000, give_up_at_ms=8000)
    assert again is not None
    assert (again.state, again.attempts) == ("pending", 0)
    assert store.send_notification_again("run-2-a", now_ms=3000, give_up_at_ms=8000) is None
    assert [found.give_up_at_ms for found in claim(store, now=3000)] == [8000]


def test_failed_notifications_are_deleted_with_their_run_and_pending_ones_are_not(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended("run-1", "a", "b")])
    claim(store)
    claim(store, failed("run-1-a"), failed("run-1-b", due_at_ms=2000))
    store.delete_old(OldRecords(run_ids=("run-1",)), keys_before_ms=0)
    assert store.count_notifications() == {("b", "pending"): 1}
    claim(store, now=2000)
    claim(store, failed("run-1-b"), now=2000)
    assert store.count_notifications() == {}, "a failed one without a run would stay for ever"


def test_the_claims_of_a_dead_worker_end(open_worker: OpenStore) -> None:
    first = open_worker("first")
    first.write([ended("run-1", "a", owner="first")])
    claim(first, owner="first")
    if not first.is_shared:
        pytest.skip("a store in memory has one worker")
    second = open_worker("second")
    due = second.due_notifications("second", {"a": 1}, now_ms=1000)
    assert (due.is_any, due.dead_owners) == (False, ())
    first.close()
    # A worker that loses its lock has some looks to take it again.
    deadline = time.monotonic() + 120
    while not (due := second.due_notifications("second", {"a": 1}, now_ms=1000)).is_any:
        # A database notices a lost connection late.
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (due.is_any, due.dead_owners) == (True, ("first",))
    assert len(claim(second, owner="second", dead_owners=due.dead_owners)) == 1


def test_a_result_that_comes_too_late_changes_nothing(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended("run-1", "a")])
    claim(store, owner="other")
    claim(store, dead_owners=("other",))
    claim(store, AttemptResult(notification_id="run-1-a", attempts=1), owner="other")
    claim(store, failed("run-1-a"), owner="other")
    assert store.count_notifications() == {("a", "pending"): 1}


def test_a_worker_gives_up_claims_that_it_does_not_know(open_worker: OpenStore) -> None:
    """The answer to a claim may have been lost."""
    store = open_worker()
    store.write([ended("run-1", "a", "b")])
    claim(store)
    assert [found.webhook for found in claim(store, held=["run-1-a"])] == ["b"]
    assert sorted(found.webhook for found in claim(store, held=[])) == ["a", "b"]


def test_a_notification_of_an_unknown_webhook_fails_when_its_time_is_over(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended("run-1", "gone", at=1000)])
    assert not store.due_notifications("me", {"a": 1}, now_ms=5999).is_any
    claim(store, now=5999)
    assert store.count_notifications() == {("gone", "pending"): 1}
    assert store.due_notifications("me", {"a": 1}, now_ms=6000).is_any
    claim(store, now=6000)
    (found,) = listed(store, state="failed", webhook="gone")
    assert "No server has had a webhook of this name" in (found.problem or "")


def test_a_store_from_before_there_were_notifications_gets_them(tmp_path: Path) -> None:
    position = next(n for n, found in enumerate(MIGRATIONS) if "CREATE TABLE notifications" in found[0])
    old = SQLiteStore(tmp_path / "runs.db", migrations=MIGRATIONS[:position])
    old.open("old")
    old.close()
    new = SQLiteStore(tmp_path / "runs.db")
    new.open("new")
    new.write([ended("run-1", "a", owner="new")])
    assert new.count_notifications() == {("a", "pending"): 1}
    new.close()


def test_a_look_reads_only_what_is_due(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    store.open("me")
    store.write([ended(f"run-{number}", "a", at=9000 + number) for number in range(500)])
    steps = list[int]()
    with store.transaction(writes=False) as connection:
        connection.set_progress_handler(lambda: steps.append(1), 100)
    for is_thorough in (False, True):
        assert not store.due_notifications("me", {"a": 1}, now_ms=1000, is_thorough=is_thorough).is_any
        assert store.due_notifications("me", {"b": 1}, now_ms=14_000, is_thorough=is_thorough).is_any == is_thorough
    assert len(steps) < 10
    assert store.count_pending_notifications() == 500
    assert len(steps) > 10
    store.close()


def test_pages_hold_each_notification_once_also_while_some_are_delivered(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([ended(f"run-{number}", "a", "b", at=1000 + number) for number in range(5)])
    found, cursor = list[str](), None
    while True:
        page = store.list_notifications(NotificationQuery(limit=3, cursor=cursor))
        found += [one.notification_id for one in page.notifications]
        if (cursor := page.cursor) is None:
            break
        # The last one of the page: the cursor does not need it.
        claim(store, now=9000)
        claim(store, AttemptResult(notification_id=found[-1], attempts=1), now=9000, held=[])
    assert found == [f"run-{number}-{webhook}" for number in (4, 3, 2, 1, 0) for webhook in "ab"]
    only_b = store.list_notifications(NotificationQuery(webhook="b", state="pending", limit=2))
    assert ([one.webhook for one in only_b.notifications], only_b.cursor is None) == (["b", "b"], False)
