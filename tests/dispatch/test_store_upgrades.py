"""Stores of every earlier version are upgraded in place, and keep every byte."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import old_stores
import pytest

from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.sql import SqlStore
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.runs import RunQuery

MakeStore = Callable[..., SqlStore]


@pytest.fixture(params=["sqlite", "postgres"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    """Return a function that makes stores of the same runs, with the migrations that it is given."""
    if request.param == "sqlite":
        return lambda **more: SQLiteStore(tmp_path / "runs.db", **more)
    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    url, schema = request.getfixturevalue("postgres_url"), f"test_{uuid.uuid4().hex}"
    return lambda **more: PostgresStore(url, schema=schema, **more)


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_store_of_an_earlier_version_keeps_its_runs(make_store: MakeStore, version: int) -> None:
    old_stores.fill(make_store(migrations=old_stores.old_migrations(version)))
    store = make_store()
    store.open("me")
    ended = store.read_run(old_stores.ENDED_ID)
    assert (ended.status, ended.labels, ended.error) == ("success", {"team": "ml", "nul": "a\0b"}, None)
    assert store.list_runs(RunQuery(pipeline="eval")).runs == (ended,)
    assert store.read_order(old_stores.ENDED_ID).content == old_stores.ORDER
    assert [found.payload for found in store.events_of_run(old_stores.ENDED_ID, after=0, limit=9)] == [
        old_stores.EVENTS
    ]
    assert store.read_output(old_stores.ENDED_ID, "scores") == old_stores.OUTPUT
    assert store.read_key("k", not_before_ms=0).run_id == old_stores.ENDED_ID
    deadline = time.monotonic() + 120
    while not (orphaned := store.orphaned_runs("me", limit=9)):
        # In a database, a worker counts as dead after four looks that miss its lock.
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert orphaned == [(old_stores.QUEUED_ID, "gone")]
    assert store.adopt(old_stores.QUEUED_ID, former_owner="gone", owner="me").order.content == old_stores.ORDER
    store.close()


def test_an_earlier_version_that_is_still_open_goes_on_writing(make_store: MakeStore) -> None:
    """As servers do that are replaced one by one; all their columns are there, and mean the same."""
    old = make_store(migrations=old_stores.old_migrations(1))
    old.open("old")
    new: Any = make_store()
    new.open("new")
    for statement, values in old_stores.ROWS:
        with old.transaction(writes=True) as connection:
            connection.execute(statement, values)
    assert new.read_run(old_stores.ENDED_ID).status == "success"
    assert [found.run_id for found in new.list_runs(RunQuery()).runs] == [old_stores.QUEUED_ID, old_stores.ENDED_ID]
    old.close()
    new.close()
