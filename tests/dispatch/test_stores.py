"""One contract for all stores: in memory, SQLite and PostgreSQL."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kedro_asgi.dispatch.stores import open_store
from kedro_asgi.dispatch.stores.base import EventBatch, IdempotencyKey, RunWrite, Store
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore, _is_free
from kedro_asgi.errors import StoreUnavailableError, StoreUrlError, StoreVersionError
from kedro_asgi.runs import RunId, RunOrder, RunQuery, RunRecord, RunSpec

OpenStore = Callable[..., Store]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Return a function that opens the same store as another worker; in memory there is but one worker."""
    opened: list[Store] = []
    make: Callable[..., Store]
    match request.param:
        case "memory":
            make = SQLiteStore
            arguments: tuple[object, ...] = (None,)
            options: dict[str, object] = {}
        case "sqlite":
            make, arguments, options = SQLiteStore, (tmp_path / "runs.db",), {}
        case _:
            from kedro_asgi.dispatch.stores.postgres import PostgresStore

            make, arguments = PostgresStore, (request.getfixturevalue("postgres_url"),)
            options = {"schema": f"test_{uuid.uuid4().hex}"}

    def begin(owner: str = "me", **more: object) -> Store:
        store = make(*arguments, **options, **more)
        opened.append(store)
        store.open(owner)
        return store

    yield begin
    for store in opened:
        store.close()


def record(run_id: str = "run-1", **facts: object) -> RunRecord:
    facts = {"status": "queued", "created_at": datetime.now(UTC), **facts}
    return RunRecord(run_id=RunId(run_id), **facts)


def entry(found: RunRecord, *, was: str | None = None, owner: str = "me", **facts: object) -> RunWrite:
    ended = 1 if found.is_final else None
    created_at = int(found.created_at.timestamp() * 1000)
    return RunWrite(record=found, was=was, owner=owner, created_at=created_at, ended_at=ended, **facts)


def chunk(first: int, last: int, run_id: str = "run-1", **facts: object) -> EventBatch:
    payload = msgspec.json.encode([{"event": "RunQueued", "number": n} for n in range(first, last + 1)])
    return EventBatch(run_id=run_id, first=first, last=last, payload=payload, **facts)


def test_a_run_comes_back_as_it_was_written(open_one: OpenStore) -> None:
    store = open_one()
    written = record(pipeline_names=("a", "b"), labels={"team": "ml"}, timeout_seconds=1.5)
    assert store.write([entry(written)]) == ["stored"]
    assert store.read("run-1") == written
    assert store.read("run-2") is None


def test_a_state_changes_only_from_the_state_that_was_expected(open_one: OpenStore) -> None:
    store = open_one()
    store.write([entry(record())])
    assert store.write([entry(record(status="running"), was="queued")]) == ["stored"]
    assert store.write([entry(record(status="cancelled"), was="queued")]) == ["lost"]
    assert store.write([entry(record(status="success"), was="running", owner="other")]) == ["lost"]
    assert store.write([entry(record(status="success"), was="running")]) == ["stored"]
    assert store.read("run-1").status == "success"


def test_a_group_is_written_whole_or_not_at_all(open_one: OpenStore) -> None:
    store = open_one()
    bad = entry(record("run-2"), order=RunOrder(spec=RunSpec(inputs={"x": object()})))
    with pytest.raises(TypeError):
        store.write([entry(record("run-1")), bad])
    assert store.read("run-1") is None
    assert store.write([entry(record("run-1"))]) == ["stored"]


def test_what_lost_leaves_no_events(open_one: OpenStore) -> None:
    store = open_one()
    store.write([entry(record(), chunks=(chunk(1, 2),))])
    store.write([entry(record(status="failure"), was="running", chunks=(chunk(3, 3),))])
    assert [found.last for found in store.events_of("run-1", after=0, limit=10)] == [2]


def test_a_key_stands_for_the_first_run_that_had_it(open_one: OpenStore) -> None:
    store = open_one()
    first = IdempotencyKey(key="k", digest="d", run_id="run-1", created_at=1000)
    assert store.write([entry(record("run-1"), key=first)]) == ["stored"]
    again = msgspec.structs.replace(first, run_id="run-2", created_at=1001)
    assert store.write([entry(record("run-2"), key=again)]) == ["conflict"]
    assert store.read("run-2") is None
    assert store.find_key("k", not_before=0).run_id == "run-1"
    assert store.find_key("k", not_before=1001) is None


def test_a_key_that_is_too_old_gives_way(open_one: OpenStore) -> None:
    store = open_one()
    store.write([entry(record("run-1"), key=IdempotencyKey(key="k", digest="d", run_id="run-1", created_at=1000))])
    new = IdempotencyKey(key="k", digest="e", run_id="run-2", created_at=3000, not_before=2000)
    assert store.write([entry(record("run-2"), key=new)]) == ["stored"]
    assert store.find_key("k", not_before=2000).digest == "e"


def test_writing_the_same_again_changes_nothing(open_one: OpenStore) -> None:
    """The news that a group was written may get lost on the way."""
    store = open_one()
    key = IdempotencyKey(key="k", digest="d", run_id="run-1", created_at=1000)
    for _ in range(2):
        assert store.write([entry(record(), key=key, chunks=(chunk(1, 3),))]) == ["stored"]
    assert len(store.events_of("run-1", after=0, limit=10)) == 1


def test_events_are_read_by_run_and_over_all_runs(open_one: OpenStore) -> None:
    store = open_one()
    store.write([entry(record("run-1"), chunks=(chunk(1, 3),)), entry(record("run-2"), chunks=(chunk(1, 1, "run-2"),))])
    store.write([entry(record("run-1", status="running"), was="queued", chunks=(chunk(4, 5, is_last=True),))])
    behind = store.events_of("run-1", after=3, limit=10)
    assert [(found.first, found.last, found.is_last) for found in behind] == [(4, 5, True)]
    every = store.events_behind(0, limit=10)
    assert [found.run_id for found in every] == ["run-1", "run-2", "run-1"]
    assert store.events_behind(every[0].position, limit=1) == [every[1]]
    assert store.last_position() == every[-1].position


def test_runs_are_listed_newest_first_with_a_cursor(open_one: OpenStore) -> None:
    store = open_one()
    store.write([entry(record(f"run-{number:02}")) for number in range(25)])
    page = store.find(RunQuery(limit=10))
    assert [found.run_id for found in page.runs] == [f"run-{number:02}" for number in range(24, 14, -1)]
    page = store.find(RunQuery(limit=10, cursor=page.cursor))
    last = store.find(RunQuery(limit=10, cursor=page.cursor))
    assert [found.run_id for found in last.runs] == [f"run-{number:02}" for number in range(4, -1, -1)]
    assert last.cursor is None


def test_lists_are_filtered(open_one: OpenStore) -> None:
    store = open_one()
    when = datetime(2026, 1, 1, tzinfo=UTC)
    store.write(
        [
            entry(record("run-1", pipeline_names=("train", "eval"), labels={"team": "ml", "a=b": "c\n"})),
            entry(record("run-2", pipeline_names=("training",), labels={"team": "mlops"}, created_at=when)),
            entry(record("run-3", status="running")),
        ]
    )

    def ids(**query: object) -> list[str]:
        return [found.run_id for found in store.find(RunQuery(**query)).runs]

    assert ids(pipeline="train") == ["run-1"]
    assert ids(pipeline="eval", labels={"team": "ml"}) == ["run-1"]
    assert ids(labels={"a=b": "c\n"}) == ["run-1"]
    assert ids(labels={"team": "ml", "other": "x"}) == []
    assert ids(status="running") == ["run-3"]
    assert ids(since=datetime(2026, 2, 1, tzinfo=UTC)) == ["run-3", "run-1"]
    assert ids(pipeline="tra%") == []


def test_outputs_are_kept(open_one: OpenStore) -> None:
    store = open_one()
    store.write([entry(record(status="success"), outputs=(("d", b"[1,2]"),))])
    assert store.output("run-1", "d") == b"[1,2]"
    assert store.output("run-1", "e") is None


def test_a_probe_writes_and_changes_nothing(open_one: OpenStore) -> None:
    store = open_one()
    store.write([entry(record())])
    store.probe()
    assert store.read("run-1") is not None
    store.open("again")


def test_any_worker_may_ask_to_cancel(open_one: OpenStore) -> None:
    store = open_one()
    store.write([entry(record("run-1")), entry(record("run-2", status="success"))])
    assert store.ask_cancel("run-1")
    assert not store.ask_cancel("run-2")
    assert not store.ask_cancel("run-3")
    assert store.asked_cancels("me") == ["run-1"]
    assert store.asked_cancels("other") == []


def test_a_dead_workers_runs_are_taken_over_once(open_one: OpenStore) -> None:
    store = open_one("me")
    order = RunOrder(spec=RunSpec(inputs={"x": [1]}), labels={"a": "b"})
    store.write([entry(record(), owner="dead", order=order, chunks=(chunk(1, 4),))])
    assert store.orphans("me", limit=10) == [("run-1", "dead")]
    taken = store.take("run-1", former="dead", owner="me")
    assert (taken.order, taken.last_event, taken.wants_cancel) == (order, 4, False)
    assert store.take("run-1", former="dead", owner="me") is None
    assert store.orphans("me", limit=10) == []


def test_a_living_workers_runs_are_its_own(open_one: OpenStore) -> None:
    first = open_one("first")
    if not first.is_shared:
        pytest.skip("a store in memory has one worker")
    first.write([entry(record(), owner="first", order=RunOrder())])
    second = open_one("second")
    assert second.orphans("second", limit=10) == []
    first.close()
    assert orphans_in_time(second, "second") == [("run-1", "first")]


def orphans_in_time(store: Store, owner: str) -> list[tuple[RunId, str | None]]:
    """Look again and again: whoever ended is missed after some looks, and a database hears of it after a while."""
    deadline = time.monotonic() + 20
    while not (found := store.orphans(owner, limit=10)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_released_runs_are_anybodys(open_one: OpenStore) -> None:
    store = open_one()
    store.write([entry(record("run-1"), order=RunOrder()), entry(record("run-2", status="running"))])
    store.release("me")
    assert store.orphans("other", limit=10)[0] == ("run-1", None)
    assert store.take("run-1", former=None, owner="other") is not None


def test_old_runs_and_surplus_ones_are_forgotten(open_one: OpenStore) -> None:
    store = open_one()
    key = IdempotencyKey(key="k", digest="d", run_id="run-00", created_at=1)
    ended = [record(f"run-{number:02}", status="success") for number in range(10)]
    store.write(
        [entry(ended[0], key=key, chunks=(chunk(1, 1, "run-00"),), outputs=(("d", b"1"),)), *map(entry, ended[1:])]
    )
    store.write([entry(record("run-000-queued"))])
    store.forget(before="run-03", keep=100, keys_before=0, limit=100)
    assert len(store.find(RunQuery()).runs) == 8
    assert store.read("run-000-queued") is not None
    assert store.events_of("run-00", after=0, limit=1) == []
    assert store.output("run-00", "d") is None
    assert store.find_key("k", not_before=0) is None
    store.forget(before="", keep=3, keys_before=0, limit=100)
    assert [found.run_id for found in store.find(RunQuery(status="success")).runs] == ["run-09", "run-08", "run-07"]


def test_an_older_schema_is_migrated_and_a_newer_one_refused(open_one: OpenStore) -> None:
    first = open_one("first")
    first.write([entry(record())])
    if not first.is_shared:
        pytest.skip("a store in memory is always new")
    newer = (*MIGRATIONS, ("ALTER TABLE runs ADD COLUMN note TEXT",))
    second = open_one("second", migrations=newer)
    assert second.read("run-1") is not None
    with second.transaction(writes=False) as connection:
        assert connection.execute("SELECT note FROM runs").fetchall()[0][0] is None
    with pytest.raises(StoreVersionError, match="has schema version 2, and this version of kedro-asgi knows 1"):
        open_one("third")


def test_text_that_databases_dislike_is_kept(open_one: OpenStore) -> None:
    store = open_one()
    odd = record(labels={"nul": "a\0b", "emoji": "🐧", "quote": "'; DROP TABLE runs; --"})
    store.write([entry(odd)])
    assert store.read("run-1") == odd
    assert [found.run_id for found in store.find(RunQuery(labels={"nul": "a\0b"})).runs] == ["run-1"]


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "http://host"])
def test_an_url_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(StoreUrlError, match="cannot be used"):
        open_store(url)


def test_a_file_that_is_no_database_is_not_available(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailableError, match=r"runs\.db: file is not a database"):
        open_store(tmp_path / "runs.db").open("me")


def test_a_sqlite_store_is_in_wal_mode_and_leaves_only_itself(tmp_path: Path) -> None:
    store = open_store(tmp_path / "deep" / "runs.db")
    store.open("me")
    store.write([entry(record())])
    store.close()
    with sqlite3.connect(tmp_path / "deep" / "runs.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert (tmp_path / "deep" / ".gitignore").read_text() == "*\n"


def test_a_file_that_is_taken_away_is_not_written_on(tmp_path: Path) -> None:
    """SQLite would not mind, and all of it would be lost."""
    place, aside = tmp_path / "runs.db", tmp_path / "aside.db"
    store = open_store(place)
    store.open("me")
    place.rename(aside)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="removed or replaced while it was in use"):
            store.write([entry(record())])
        place.touch()
    aside.rename(place)
    store.write([entry(record())])
    assert store.read("run-1") is not None
    store.close()


STARTER = """
import sys
from pathlib import Path
from kedro_asgi.dispatch.stores import open_store

folder, me = Path(sys.argv[1]), sys.argv[2]
for number in range(20):
    (folder / f"{number}-{me}").touch()
    while len(list(folder.glob(f"{number}-?"))) < 3:
        pass
    store = open_store(folder / f"{number}.db")
    store.open(me)
    store.close()
"""


def test_workers_that_start_at_the_same_time_all_find_the_store(tmp_path: Path) -> None:
    """SQLite says at once that a new file is locked while another worker gives it its log."""
    started = [subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path), owner]) for owner in "abc"]
    try:
        assert [worker.wait(60) for worker in started] == [0, 0, 0]
    finally:
        for worker in started:
            worker.kill()
            worker.wait()


# --- who lives ---

WORKER = """
import os, sys, time
from datetime import UTC, datetime
from kedro_asgi.dispatch.stores import open_store
from kedro_asgi.dispatch.stores.base import RunWrite
from kedro_asgi.runs import RunRecord

store = open_store(sys.argv[1])
store.open("killed")
record = RunRecord(run_id="run-1", status="running", created_at=datetime.now(UTC))
store.write([RunWrite(record=record, was=None, owner="killed", created_at=1)])
if (child := os.fork()) == 0:
    os.close(1)
    time.sleep(60)
print(child, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_killed_worker_is_dead_although_what_it_forked_lives_on(shared_store: str) -> None:
    done = subprocess.run([sys.executable, "-c", WORKER, shared_store], stdout=subprocess.PIPE, text=True, timeout=30)
    store = open_store(shared_store)
    store.open("me")
    try:
        assert orphans_in_time(store, "me") == [("run-1", "killed")]
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)
        store.close()


def test_a_worker_that_lost_its_sign_of_life_renews_it_before_it_is_taken_for_dead(open_one: OpenStore) -> None:
    """Locks are tidied away by hand; connections are lost when a database is restarted."""
    first = open_one("first")
    if not first.is_shared:
        pytest.skip("in memory there is but one worker")
    first.write([entry(record(status="running"), owner="first")])
    second = open_one("second")
    assert second.orphans("second", limit=10) == []
    for _ in range(3):
        lose_sign_of_life(first)
        assert [second.orphans("second", limit=10) for _ in range(3)] == [[], [], []]
        first.orphans("first", limit=10)
        assert second.orphans("second", limit=10) == []


def lose_sign_of_life(store: Any) -> None:
    if isinstance(store, SQLiteStore):
        store._life_of("first").unlink()
    else:
        store._life.close()


def test_a_lock_is_swept_only_while_nobody_can_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that began in between would live without its lock, and its runs would be taken over."""
    left = tmp_path / "runs.db-dead.lock"
    left.touch()
    seen: list[bool] = []
    unlink = Path.unlink

    def watched(place: Path, missing_ok: bool = False) -> None:
        seen.append(_is_free(place))
        unlink(place, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    store = SQLiteStore(tmp_path / "runs.db")
    store.open("me")
    store.close()
    assert (seen, left.exists()) == ([False], False)


def test_who_comes_and_who_looks_for_orphans_do_not_wait_for_each_other(postgres_url: str) -> None:
    """Both find that a worker has no connection of its own yet, when the database is back."""
    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    schema = f"test_{uuid.uuid4().hex}"
    for number in range(8):
        store, both = PostgresStore(postgres_url, schema=schema), threading.Barrier(2)
        store.open(f"me-{number}")
        store.close()

        def look(store: Store = store, owner: str = f"me-{number}", both: threading.Barrier = both) -> None:
            both.wait()
            store.orphans(owner, limit=1)

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        both.wait()
        store.open(f"me-{number}")
        looking.join(5)
        assert not looking.is_alive()
        store.close()


def test_a_worker_whose_lost_connection_the_database_still_keeps_goes_on_and_ends(postgres_url: str) -> None:
    import psycopg

    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    schema = f"test_{uuid.uuid4().hex}"
    lock = f"hashtextextended('{schema}:me', 0)"
    store = PostgresStore(postgres_url, schema=schema)
    store.open("me")
    with psycopg.connect(postgres_url, autocommit=True) as database:
        # As where a connection ends without a word to the database: it is gone, and its lock is not.
        held_by = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
        database.execute(f"SELECT pg_terminate_backend(pid) FROM ({held_by}) AS held")
        database.execute(f"SELECT pg_advisory_lock({lock})")
        with ThreadPoolExecutor() as threads:
            assert threads.submit(store.orphans, "me", limit=1).result(timeout=5) == []
        database.execute(f"SELECT pg_advisory_unlock({lock})")
        assert store.orphans("me", limit=1) == []
        assert len(database.execute(held_by).fetchall()) == 1
    store.close()


def test_a_worker_that_lives_leaves_no_transaction_open(postgres_url: str) -> None:
    import psycopg

    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    store = PostgresStore(postgres_url, schema=f"test_{uuid.uuid4().hex}")
    store.open("me")
    store.orphans("me", limit=1)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        ).fetchone()
    store.close()
    assert count == 0
