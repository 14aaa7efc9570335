"""Some missing workers are dead, and others only look so."""

import random
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedro_asgi.dispatch.stores.base import RunWrite
from kedro_asgi.dispatch.stores.liveness import FailureDetector
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.runs import RunId, RunRecord


def test_a_worker_that_is_missing_at_the_first_look_is_dead() -> None:
    """A restarted server adopts the runs of its former process at once."""
    assert FailureDetector(first_look_decides=True).dead_workers({"a": "missing", "b": "alive", "c": "dead"}) == [
        "a",
        "c",
    ]


def test_the_first_look_does_not_decide_where_an_outage_takes_the_locks_of_the_living() -> None:
    """A worker that starts while a database is away looks before the others have their locks again."""
    detector = FailureDetector(first_look_decides=False)
    looks = [detector.dead_workers({"a": "missing", "b": "missing" if look < 2 else "alive"}) for look in range(4)]
    assert looks == [[], [], [], ["a"]]


def test_a_worker_that_goes_missing_later_is_dead_after_four_looks_in_a_row() -> None:
    detector = FailureDetector(first_look_decides=True)
    detector.dead_workers({"a": "alive"})
    looks = [detector.dead_workers({"a": status}) for status in ["missing"] * 3 + ["alive"] + ["missing"] * 4]
    assert looks == [[]] * 7 + [["a"]]


def test_a_worker_that_released_its_lock_is_dead_at_once() -> None:
    detector = FailureDetector(first_look_decides=True)
    detector.dead_workers({"a": "alive"})
    assert detector.dead_workers({"a": "dead"}) == ["a"]


def test_few_of_many_workers_look_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    store.open("me")
    store.write([_running(number) for number in range(200)])
    monkeypatch.setattr(secrets, "randbelow", random.Random(1).randrange)
    looks = [bool(store.orphaned_runs("me", limit=1)) for _ in range(200)]
    store.close()
    # The first look knows of no others.
    assert looks[0]
    assert 10 <= sum(looks) <= 30


def _running(number: int) -> RunWrite:
    record = RunRecord(run_id=RunId(f"run-{number}"), status="running", created_at=datetime.now(UTC))
    return RunWrite(record=record, expected_status=None, owner=f"dead-{number}", created_at_ms=1)
