"""One contract for all stores: in memory, SQLite and PostgreSQL."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kedro_asgi.dispatch.stores import open_store
from kedro_asgi.dispatch.stores.base import EventBatch, IdempotencyKey, RunWrite, Store
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.dispatch.waiting_order import pack
from kedro_asgi.errors import StoreUnavailableError, StoreUrlError, StoreVersionError
from kedro_asgi.file_lock import is_unlocked
from kedro_asgi.runs import RunId, RunOrder, RunQuery, RunRecord, RunSpec

OpenStore = Callable[..., Store]


def record(run_id: str = "run-1", **facts: object) -> RunRecord:
    facts = {"status": "queued", "created_at": datetime.now(UTC), **facts}
    return RunRecord(run_id=RunId(run_id), **facts)


def run_write(found: RunRecord, *, expected: str | None = None, owner: str = "me", **facts: object) -> RunWrite:
    ended = 1 if found.is_final else None
    created_at = int(found.created_at.timestamp() * 1000)
    return RunWrite(
        record=found, expected_status=expected, owner=owner, created_at_ms=created_at, ended_at_ms=ended, **facts
    )


def batch(first: int, last: int, run_id: str = "run-1", **facts: object) -> EventBatch:
    payload = msgspec.json.encode([{"event": "RunQueued", "number": n} for n in range(first, last + 1)])
    return EventBatch(run_id=run_id, first=first, last=last, payload=payload, **facts)


def delete_old(store: Store, **limits: Any) -> int:
    old = store.find_old(**limits)
    store.delete_old(old, keys_before_ms=limits["keys_before_ms"])
    return len(old.run_ids)


def test_a_run_reads_back_as_it_was_written(open_worker: OpenStore) -> None:
    store = open_worker()
    written = record(pipeline_names=("a", "b"), labels={"team": "ml"}, timeout_seconds=1.5)
    assert store.write([run_write(written)]) == ["stored"]
    assert store.read_run("run-1") == written
    assert store.read_run("run-2") is None


def test_a_write_replaces_only_the_expected_status(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([run_write(record())])
    assert store.write([run_write(record(status="running"), expected="queued")]) == ["stored"]
    assert store.write([run_write(record(status="cancelled"), expected="queued")]) == ["lost"]
    assert store.write([run_write(record(status="success"), expected="running", owner="other")]) == ["lost"]
    assert store.write([run_write(record(status="success"), expected="running")]) == ["stored"]
    assert store.read_run("run-1").status == "success"


def test_a_run_that_replaces_another_one_is_stored_with_the_end_of_that_or_not_at_all(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([run_write(record("a", status="running")), run_write(record("b", status="running"), owner="other")])
    ends = [run_write(record(name, status="interrupted"), expected="running") for name in ("a", "b")]
    successors = [run_write(record(f"{name}-2"), replaces=RunId(name)) for name in ("a", "b")]
    released = run_write(record("b-3"), owner=None, replaces=RunId("b"), event_batches=(batch(1, 1, "b-3"),))
    assert store.write([*ends, *successors, released]) == ["stored", "lost", "stored", "lost", "lost"]
    stored = [store.read_run(name) is not None for name in ("a-2", "b-2", "b-3")]
    assert stored == [True, False, False]
    assert store.events_of_run("b-3", after=0, limit=9) == []


def test_each_run_of_a_group_has_its_own_result(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([run_write(record(name), owner=owner) for name, owner in (("a", "me"), ("b", "other"), ("c", "me"))])
    started = [run_write(record(name, status="running"), expected="queued") for name in ("a", "b", "c")]
    assert store.write([*started, run_write(record("d"))]) == ["stored", "lost", "stored", "stored"]
    assert [store.read_run(name).status for name in ("a", "b", "c", "d")] == ["running", "queued", "running", "queued"]


def test_a_write_stores_all_runs_or_none(open_worker: OpenStore) -> None:
    store = open_worker()
    bad = run_write(record("run-2", request={"x": object()}))
    with pytest.raises(TypeError):
        store.write([run_write(record("run-1")), bad])
    assert store.read_run("run-1") is None
    assert store.write([run_write(record("run-1"))]) == ["stored"]


def test_a_lost_write_stores_no_events(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([run_write(record(), event_batches=(batch(1, 2),))])
    store.write([run_write(record(status="failure"), expected="running", event_batches=(batch(3, 3),))])
    assert [found.last for found in store.events_of_run("run-1", after=0, limit=10)] == [2]


def test_a_key_stands_for_the_first_run_that_used_it(open_worker: OpenStore) -> None:
    store = open_worker()
    first = IdempotencyKey(key="k", digest="d", run_id="run-1", created_at_ms=1000)
    assert store.write([run_write(record("run-1"), key=first)]) == ["stored"]
    again = msgspec.structs.replace(first, run_id="run-2", created_at_ms=1001)
    assert store.write([run_write(record("run-2"), key=again)]) == ["conflict"]
    assert store.read_run("run-2") is None
    assert store.read_key("k", not_before_ms=0).run_id == "run-1"
    assert store.read_key("k", not_before_ms=1001) is None


def test_a_key_that_is_too_old_is_replaced(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write(
        [run_write(record("run-1"), key=IdempotencyKey(key="k", digest="d", run_id="run-1", created_at_ms=1000))]
    )
    new = IdempotencyKey(key="k", digest="e", run_id="run-2", created_at_ms=3000, not_before_ms=2000)
    assert store.write([run_write(record("run-2"), key=new)]) == ["stored"]
    assert store.read_key("k", not_before_ms=2000).digest == "e"


def test_a_repeated_write_changes_nothing(open_worker: OpenStore) -> None:
    """The connection may break after the commit, before the writer learns of it."""
    store = open_worker()
    key = IdempotencyKey(key="k", digest="d", run_id="run-1", created_at_ms=1000)
    for _ in range(2):
        assert store.write([run_write(record(), key=key, event_batches=(batch(1, 3),))]) == ["stored"]
    assert len(store.events_of_run("run-1", after=0, limit=10)) == 1


def test_events_are_read_by_run_and_over_all_runs(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write(
        [
            run_write(record("run-1"), event_batches=(batch(1, 3),)),
            run_write(record("run-2"), event_batches=(batch(1, 1, "run-2"),)),
        ]
    )
    store.write(
        [run_write(record("run-1", status="running"), expected="queued", event_batches=(batch(4, 5, is_last=True),))]
    )
    later = store.events_of_run("run-1", after=3, limit=10)
    assert [(found.first, found.last, found.is_last) for found in later] == [(4, 5, True)]
    every = store.events_after(0, limit=10)
    assert [found.run_id for found in every] == ["run-1", "run-2", "run-1"]
    assert store.events_after(every[0].position, limit=1) == [every[1]]
    assert store.last_position() == every[-1].position


def test_runs_are_listed_newest_first_with_a_cursor(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([run_write(record(f"run-{number:02}")) for number in range(25)])
    page = store.list_runs(RunQuery(limit=10))
    assert [found.run_id for found in page.runs] == [f"run-{number:02}" for number in range(24, 14, -1)]
    page = store.list_runs(RunQuery(limit=10, cursor=page.cursor))
    last = store.list_runs(RunQuery(limit=10, cursor=page.cursor))
    assert [found.run_id for found in last.runs] == [f"run-{number:02}" for number in range(4, -1, -1)]
    assert last.cursor is None


def test_lists_are_filtered(open_worker: OpenStore) -> None:
    store = open_worker()
    when = datetime(2026, 1, 1, tzinfo=UTC)
    store.write(
        [
            run_write(record("run-1", pipeline_names=("train", "eval"), labels={"team": "ml", "a=b": "c\n"})),
            run_write(record("run-2", pipeline_names=("training",), labels={"team": "mlops"}, created_at=when)),
            run_write(record("run-3", status="running")),
        ]
    )

    def ids(**query: object) -> list[str]:
        return [found.run_id for found in store.list_runs(RunQuery(**query)).runs]

    assert ids(pipeline="train") == ["run-1"]
    assert ids(pipeline="eval", labels={"team": "ml"}) == ["run-1"]
    assert ids(labels={"a=b": "c\n"}) == ["run-1"]
    assert ids(labels={"team": "ml", "other": "x"}) == []
    assert ids(status="running") == ["run-3"]
    assert ids(since=datetime(2026, 2, 1, tzinfo=UTC)) == ["run-3", "run-1"]
    assert ids(pipeline="tra%") == []
    assert ids(any_pipeline=("training", "eval", "nope")) == ["run-2", "run-1"]
    assert ids(any_pipeline=("train", "eval"), status="running") == []


def test_outputs_are_stored(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([run_write(record(status="success"), outputs=(("d", b"[1,2]"),))])
    assert store.read_output("run-1", "d") == b"[1,2]"
    assert store.read_output("run-1", "e") is None


def test_a_check_of_writability_changes_nothing(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([run_write(record())])
    store.check_writable()
    assert store.read_run("run-1") is not None
    store.open("again")


def test_any_worker_may_request_a_cancel(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([run_write(record("run-1")), run_write(record("run-2", status="success"))])
    assert store.request_cancel("run-1")
    assert not store.request_cancel("run-2")
    assert not store.request_cancel("run-3")
    assert store.requested_cancels("me") == ["run-1"]
    assert store.requested_cancels("other") == []


def test_the_runs_of_a_dead_worker_are_adopted_once(open_worker: OpenStore) -> None:
    store = open_worker("me")
    order = RunOrder(spec=RunSpec(inputs={"x": [1]}), labels={"a": "b"})
    store.write([run_write(record(), owner="dead", order=pack(order), event_batches=(batch(1, 4),))])
    assert wait_for_orphans(store, "me") == [("run-1", "dead")]
    adopted = store.adopt("run-1", former_owner="dead", owner="me")
    assert (adopted.order, adopted.last_event, adopted.is_cancel_requested) == (pack(order), 4, False)
    assert store.adopt("run-1", former_owner="dead", owner="me") is None
    assert store.orphaned_runs("me", limit=10) == []


def test_an_order_with_half_a_surrogate_pair_is_adopted(open_worker: OpenStore) -> None:
    store = open_worker("me")
    order = RunOrder(spec=RunSpec(inputs={"x": "\ud800"}))
    store.write([run_write(record(), owner="dead", order=pack(order))])
    adopted = store.adopt("run-1", former_owner="dead", owner="me")
    assert adopted is not None
    assert adopted.order.read_order() == order


def test_the_runs_of_a_live_worker_are_no_orphans(open_worker: OpenStore) -> None:
    first = open_worker("first")
    if not first.is_shared:
        pytest.skip("a store in memory has one worker")
    first.write([run_write(record(), owner="first", order=pack(RunOrder()))])
    second = open_worker("second")
    assert second.orphaned_runs("second", limit=10) == []
    first.close()
    assert wait_for_orphans(second, "second") == [("run-1", "first")]


def wait_for_orphans(store: Store, owner: str) -> list[tuple[RunId, str | None]]:
    """Repeat the look: a dead worker counts as dead after some looks, and a database notices a lost connection late."""
    deadline = time.monotonic() + 120
    while not (found := store.orphaned_runs(owner, limit=10)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_any_worker_may_adopt_released_runs(open_worker: OpenStore) -> None:
    store = open_worker()
    store.write([run_write(record("run-1"), order=pack(RunOrder())), run_write(record("run-2", status="running"))])
    store.release_queued("me")
    assert store.orphaned_runs("other", limit=10)[0] == ("run-1", None)
    assert store.adopt("run-1", former_owner=None, owner="other") is not None


def test_a_large_order_is_deleted_when_its_run_ends(open_worker: OpenStore) -> None:
    store, sizes = open_worker(), (60_000, 70_000)
    runs = [record(f"run-{size}", status="running") for size in sizes]
    orders = [pack(RunOrder(spec=RunSpec(inputs={"x": "x" * size}))) for size in sizes]
    store.write([run_write(found, order=order) for found, order in zip(runs, orders, strict=True)])
    ended = [msgspec.structs.replace(found, status="success") for found in runs]
    writes = [run_write(found, expected="running", keep_order_bytes=65_536) for found in ended]
    assert store.write(writes) == ["stored", "stored"]
    assert [store.read_order(found.run_id) for found in runs] == [orders[0], None]
    assert store.read_order("run-unknown") is None


def test_old_and_surplus_runs_are_deleted(open_worker: OpenStore) -> None:
    store = open_worker()
    key = IdempotencyKey(key="k", digest="d", run_id="run-00", created_at_ms=1)
    ended = [record(f"run-{number:02}", status="success") for number in range(10)]
    store.write(
        [
            run_write(ended[0], key=key, event_batches=(batch(1, 1, "run-00"),), outputs=(("d", b"1"),)),
            *map(run_write, ended[1:]),
        ]
    )
    store.write([run_write(record("run-000-queued"))])
    delete_old(store, before_run_id="run-03", keep_runs=100, keep_bytes=2**40, keys_before_ms=0, limit=100)
    assert len(store.list_runs(RunQuery()).runs) == 8
    assert store.read_run("run-000-queued") is not None
    assert store.events_of_run("run-00", after=0, limit=1) == []
    assert store.read_output("run-00", "d") is None
    assert store.read_key("k", not_before_ms=0) is None
    delete_old(store, before_run_id="", keep_runs=3, keep_bytes=2**40, keys_before_ms=0, limit=100)
    assert [found.run_id for found in store.list_runs(RunQuery(status="success")).runs] == [
        "run-09",
        "run-08",
        "run-07",
    ]


def test_an_older_schema_is_migrated_and_a_newer_one_refused(open_worker: OpenStore) -> None:
    first = open_worker("first")
    first.write([run_write(record())])
    if not first.is_shared:
        pytest.skip("a store in memory is always new")
    newer = (*MIGRATIONS, ("ALTER TABLE runs ADD COLUMN note TEXT",))
    second = open_worker("second", migrations=newer)
    assert second.read_run("run-1") is not None
    with second.transaction(writes=False) as connection:
        assert connection.execute("SELECT note FROM runs").fetchall()[0][0] is None
    known = len(MIGRATIONS)
    message = f"has schema version {known + 1}, and this version of kedro-asgi knows {known}"
    with pytest.raises(StoreVersionError, match=message):
        open_worker("third")


def test_special_characters_are_stored(open_worker: OpenStore) -> None:
    store = open_worker()
    odd = record(labels={"nul": "a\0b", "emoji": "🐧", "quote": "'; DROP TABLE runs; --"})
    store.write([run_write(odd)])
    assert store.read_run("run-1") == odd
    assert [found.run_id for found in store.list_runs(RunQuery(labels={"nul": "a\0b"})).runs] == ["run-1"]


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "http://host"])
def test_an_unknown_url_is_refused(url: str) -> None:
    with pytest.raises(StoreUrlError, match="cannot be used"):
        open_store(url)


def test_a_file_that_is_not_a_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailableError, match=r"runs\.db: file is not a database"):
        open_store(tmp_path / "runs.db").open("me")


def test_a_sqlite_store_is_in_wal_mode_and_hides_its_folder_from_git(tmp_path: Path) -> None:
    store = open_store(tmp_path / "deep" / "runs.db")
    store.open("me")
    store.write([run_write(record())])
    store.close()
    with sqlite3.connect(tmp_path / "deep" / "runs.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert (tmp_path / "deep" / ".gitignore").read_text() == "*\n"


class RacedFolder(type(Path())):
    """A path whose folder another worker makes as soon as this one has looked for it."""

    def is_dir(self) -> bool:
        found = super().is_dir()
        Path(self).mkdir(parents=True, exist_ok=True)
        return found


def test_two_workers_may_make_the_folder_of_a_new_store_at_once(tmp_path: Path) -> None:
    store = SQLiteStore(RacedFolder(tmp_path / "deep" / "runs.db"))
    store.open("me")
    store.close()
    assert (tmp_path / "deep" / ".gitignore").read_text() == "*\n"


def test_a_file_that_was_moved_away_is_not_written(tmp_path: Path) -> None:
    """SQLite would go on writing to the moved file, and the writes would be lost."""
    path, aside = tmp_path / "runs.db", tmp_path / "aside.db"
    store = open_store(path)
    store.open("me")
    path.rename(aside)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="removed or replaced while it was in use"):
            store.write([run_write(record())])
        path.touch()
    aside.rename(path)
    store.write([run_write(record())])
    assert store.read_run("run-1") is not None
    store.close()


STARTER = """
import sys, time
from pathlib import Path
from kedro_asgi.dispatch.stores import open_store

folder, me = Path(sys.argv[1]), sys.argv[2]
for number in range(20):
    (folder / f"{number}-{me}").touch()
    while len(list(folder.glob(f"{number}-?"))) < 3:
        time.sleep(0.001)
    store = open_store(folder / f"{number}.db")
    store.open(me)
    store.close()
"""


def test_workers_that_start_at_once_can_all_open_a_new_store(tmp_path: Path) -> None:
    """SQLite fails at once, without waiting, while another worker switches a new file to WAL."""
    started = [subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path), owner]) for owner in "abc"]
    try:
        assert [worker.wait(240) for worker in started] == [0, 0, 0]
    finally:
        for worker in started:
            worker.kill()
            worker.wait()


# --- live and dead workers ---

WORKER = """
import os, sys, time
from datetime import UTC, datetime
from kedro_asgi.dispatch.stores import open_store
from kedro_asgi.dispatch.stores.base import RunWrite
from kedro_asgi.runs import RunRecord

store = open_store(sys.argv[1])
store.open("killed")
record = RunRecord(run_id="run-1", status="running", created_at=datetime.now(UTC))
store.write([RunWrite(record=record, expected_status=None, owner="killed", created_at_ms=1)])
if (child := os.fork()) == 0:
    os.close(1)
    time.sleep(60)
print(child, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_killed_worker_is_dead_although_its_forked_child_lives(shared_store: str) -> None:
    done = subprocess.run([sys.executable, "-c", WORKER, shared_store], stdout=subprocess.PIPE, text=True, timeout=30)
    store = open_store(shared_store)
    store.open("me")
    try:
        assert wait_for_orphans(store, "me") == [("run-1", "killed")]
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)
        store.close()


def test_a_worker_renews_a_lost_lock_before_others_take_it_for_dead(open_worker: OpenStore) -> None:
    """Somebody may delete lock files; a restarted database drops all connections."""
    first = open_worker("first")
    if not first.is_shared:
        pytest.skip("a store in memory has one worker")
    first.write([run_write(record(status="running"), owner="first")])
    second = open_worker("second")
    assert second.orphaned_runs("second", limit=10) == []
    for _ in range(3):
        lose_lock(first)
        assert [second.orphaned_runs("second", limit=10) for _ in range(3)] == [[], [], []]
        first.orphaned_runs("first", limit=10)
        assert second.orphaned_runs("second", limit=10) == []


def test_a_worker_that_starts_after_an_outage_leaves_the_runs_of_the_living(open_worker: OpenStore) -> None:
    """A database that was away has dropped the locks of all workers, and a new one may look before they renew them."""
    first = open_worker("first")
    if first._worker_lock.is_kept_in_outages:
        pytest.skip("the lock of a file does not depend on a database")
    first.write([run_write(record(status="running"), owner="first")])
    lose_lock(first)
    second = open_worker("second")
    assert second.orphaned_runs("second", limit=10) == []
    first.orphaned_runs("first", limit=10)
    assert [second.orphaned_runs("second", limit=10) for _ in range(5)] == [[]] * 5


def lose_lock(store: Any) -> None:
    if isinstance(store, SQLiteStore):
        store._worker_lock.path_of("first").unlink()
    else:
        store._worker_lock._connection.close()


def test_a_stale_lock_file_is_removed_only_while_nobody_can_take_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that took the lock just before the removal would seem dead, and others would adopt its runs."""
    left = tmp_path / "runs.db-dead.lock"
    left.touch()
    seen: list[bool] = []
    unlink = Path.unlink

    def watched(path: Path, missing_ok: bool = False) -> None:
        seen.append(is_unlocked(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    store = SQLiteStore(tmp_path / "runs.db")
    store.open("me")
    store.close()
    assert (seen, left.exists()) == ([False], False)


def test_opening_and_looking_for_orphans_do_not_block_each_other(postgres_url: str) -> None:
    """When the database is back, both threads find that the lock has no connection."""
    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    schema = f"test_{uuid.uuid4().hex}"
    for number in range(8):
        store, both = PostgresStore(postgres_url, schema=schema), threading.Barrier(2)
        store.open(f"me-{number}")
        store.close()

        def look(store: Store = store, owner: str = f"me-{number}", both: threading.Barrier = both) -> None:
            both.wait()
            store.orphaned_runs(owner, limit=1)

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        both.wait()
        store.open(f"me-{number}")
        looking.join(60)
        assert not looking.is_alive()
        store.close()


def test_a_worker_goes_on_while_the_database_keeps_its_lost_connection(postgres_url: str) -> None:
    import psycopg

    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    schema = f"test_{uuid.uuid4().hex}"
    lock = f"hashtextextended('{schema}:me', 0)"
    store = PostgresStore(postgres_url, schema=schema)
    store.open("me")
    with psycopg.connect(postgres_url, autocommit=True) as database:
        # The worker loses its connection, and the database still holds the lock, as after a network failure.
        held_by = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
        database.execute(f"SELECT pg_terminate_backend(pid) FROM ({held_by}) AS held")
        database.execute(f"SELECT pg_advisory_lock({lock})")
        with ThreadPoolExecutor() as threads:
            assert threads.submit(store.orphaned_runs, "me", limit=1).result(timeout=60) == []
        database.execute(f"SELECT pg_advisory_unlock({lock})")
        assert store.orphaned_runs("me", limit=1) == []
        assert len(database.execute(held_by).fetchall()) == 1
    store.close()


def test_no_connection_stays_that_holds_buffers_for_large_values(postgres_url: str) -> None:
    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    store = PostgresStore(postgres_url, schema=f"test_{uuid.uuid4().hex}")
    store.open("A")

    def backend(sql: str = "SELECT ?::bigint", value: object = 1, *, fetch: str = "fetchone") -> int:
        with store.transaction(writes=False) as connection:
            getattr(connection.execute(sql, (value,)), fetch)()
            return int(connection.execute("SELECT pg_backend_pid()").fetchone()[0])

    try:
        kept = backend()
        written = backend("SELECT length(?::text)", "x" * 2**21)
        read = backend("SELECT repeat('x', ?)", 2**21)
        read_last = backend("SELECT repeat('x', size) FROM unnest(ARRAY[1, ?]) AS size", 2**21, fetch="fetchall")
        # The database sends each byte as two digits.
        read_bytes = backend("SELECT convert_to(repeat('x', ?), 'UTF8')", 600_000)
        assert kept == written
        assert len({written, read, read_last, read_bytes, backend()}) == 5
        assert backend() == backend()
    finally:
        store.close()


def test_the_worker_lock_leaves_no_transaction_open(postgres_url: str) -> None:
    import psycopg

    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    store = PostgresStore(postgres_url, schema=f"test_{uuid.uuid4().hex}")
    store.open("me")
    store.orphaned_runs("me", limit=1)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        ).fetchone()
    store.close()
    assert count == 0


def large_runs(count: int, **facts: object) -> list[RunWrite]:
    values = {"outputs": (("x", os.urandom(1_000_000)),), **facts}
    return [run_write(record(f"run-{number:02}", status="success"), **values) for number in range(count)]


def test_the_oldest_runs_are_deleted_while_the_store_is_too_large(open_worker: OpenStore) -> None:
    store = open_worker()
    large_events = msgspec.structs.replace(batch(1, 1, "run-01"), payload=os.urandom(2_000_000))
    first, second, *others = large_runs(8)
    store.write([first, msgspec.structs.replace(second, event_batches=(large_events,)), *others])
    store.write([run_write(record("run-00a", status="running"))])
    kept = {"before_run_id": "", "keep_runs": 100, "keys_before_ms": 0, "limit": 100}
    assert delete_old(store, keep_bytes=11_000_000, **kept) == 0
    # 10 MB: without the first run and the events of the second, 7 MB are left.
    assert delete_old(store, keep_bytes=7_000_000, **kept) == 2
    left = [found.run_id for found in store.list_runs(RunQuery()).runs]
    assert left == [*(f"run-{number:02}" for number in range(7, 1, -1)), "run-00a"]
    assert store.read_output("run-01", "x") is None
    assert delete_old(store, keep_bytes=7_000_000, **kept) == 0
    # A run that has not ended is never deleted.
    assert delete_old(store, keep_bytes=0, **kept) == 6
    assert [found.run_id for found in store.list_runs(RunQuery()).runs] == ["run-00a"]
    while store.give_back_space():
        pass
    assert store.read_run("run-00a") is not None


def file_bytes(path: Path) -> int:
    """The size of a store's file, when nobody has it open: what was written is in it then."""
    assert not path.with_name(f"{path.name}-wal").exists()
    return path.stat().st_size


def test_a_file_gives_the_space_of_deleted_runs_back(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = SQLiteStore(path)
    store.open("me")
    store.write(large_runs(12))
    store.close()
    assert file_bytes(path) > 12_000_000
    store.open("me")
    delete_old(store, before_run_id="run-10", keep_runs=100, keep_bytes=2**40, keys_before_ms=0, limit=100)
    steps = 1
    while store.give_back_space():
        steps += 1
    assert steps > 1
    store.close()
    # Two runs, and some spare room.
    assert 2_000_000 < file_bytes(path) < 8_000_000
    store.open("me")
    assert len(store.read_output("run-11", "x")) == 1_000_000
    store.close()


def test_a_file_of_an_older_version_uses_its_free_space_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE anything (x)")
    connection.close()
    store = SQLiteStore(path)
    store.open("me")
    for _ in range(3):
        store.write(large_runs(4))
        delete_old(store, before_run_id="", keep_runs=100, keep_bytes=0, keys_before_ms=0, limit=100)
        assert not store.give_back_space()
    store.close()
    assert file_bytes(path) < 6_000_000


@pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX's")
def test_only_its_owner_can_open_the_files_of_a_store(tmp_path: Path) -> None:
    store = open_store(tmp_path / "folder" / "runs.db")
    store.open("worker")
    try:
        files = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "folder").iterdir()}
        assert {name: mode for name, mode in files.items() if name.startswith("runs.db")} == dict.fromkeys(
            ("runs.db", "runs.db-wal", "runs.db-shm", "runs.db-worker.lock", "runs.db-opening.lock"), 384
        )
        assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700
    finally:
        store.close()


@pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX's")
def test_the_rights_of_a_store_that_is_there_already_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "runs.db"
    path.touch()
    path.chmod(0o640)
    store = open_store(path)
    store.open("worker")
    store.close()
    assert path.stat().st_mode & 0o777 == 0o640
    assert "Other users may open the store" in caplog.text
