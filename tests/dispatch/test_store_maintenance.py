"""Operators examine a store, delete runs and give its space back. Servers may use it meanwhile."""

import os
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import old_stores
import pytest

from kedro_asgi.dispatch.stores import open_store
from kedro_asgi.dispatch.stores.base import EventBatch, IdempotencyKey, RunWrite
from kedro_asgi.dispatch.stores.examination import examine
from kedro_asgi.dispatch.stores.maintained_sqlite import live_workers
from kedro_asgi.dispatch.stores.maintenance import delete_run, open_maintained
from kedro_asgi.dispatch.stores.retention import RetentionLimits, vacuum
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import (
    RunNotEndedError,
    RunNotFoundError,
    StoreOutdatedError,
    StoreUnavailableError,
    StoreUrlError,
    StoreVersionError,
)
from kedro_asgi.runs import RunId, RunQuery, RunRecord

Store = Any


@pytest.fixture
def server_store(shared_store: str) -> Iterator[Store]:
    """The store as a server has it open; it has no run yet."""
    store = open_store(shared_store)
    store.open("server")
    yield store
    store.close()


def write(store: Store, run_id: str, status: str = "success", *, owner: str = "server", output: bytes = b"1") -> None:
    record = RunRecord(run_id=RunId(run_id), status=status, created_at=datetime.now(UTC))
    ended = record.is_final
    batch = EventBatch(run_id=run_id, first=1, last=2, is_last=ended, payload=b'[{"event":"A"},{"event":"B"}]')
    store.write(
        [
            RunWrite(
                record=record,
                expected_status=None,
                owner=owner,
                created_at_ms=1,
                ended_at_ms=2 if ended else None,
                key=IdempotencyKey(key=f"key of {run_id}", digest="d", run_id=run_id, created_at_ms=1),
                event_batches=(batch,),
                outputs=(("x", output),),
            )
        ]
    )


def ids(store: Store) -> list[str]:
    return [found.run_id for found in store.list_runs(RunQuery()).runs]


def test_a_deleted_run_leaves_nothing(server_store: Store, shared_store: str) -> None:
    write(server_store, "run-1")
    write(server_store, "run-2")
    delete_run(open_maintained(shared_store), "run-1")
    assert ids(server_store) == ["run-2"]
    assert server_store.events_of_run("run-1", after=0, limit=9) == []
    assert server_store.read_output("run-1", "x") is None
    assert server_store.read_key("key of run-1", not_before_ms=0) is None
    assert examine(open_maintained(shared_store)).is_sound


def test_the_workers_of_a_store_whose_name_looks_like_a_pattern_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "runs[prod].db"
    left = tmp_path / "runs[prod].db-dead.lock"
    left.touch()
    store = open_store(path)
    store.open("server")
    assert live_workers(path) == ["server"]
    assert not left.exists()
    assert "servers use the store" in (open_maintained(str(path)).shrink() or "")
    store.close()
    assert live_workers(path) == []


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_run_that_goes_on_is_not_deleted(server_store: Store, shared_store: str, status: str) -> None:
    write(server_store, "run-1", status)
    with pytest.raises(RunNotEndedError, match=f"'run-1' is {status}: only a run that has ended can be deleted"):
        delete_run(open_maintained(shared_store), "run-1")
    with pytest.raises(RunNotFoundError, match="There is no run 'run-2'"):
        delete_run(open_maintained(shared_store), "run-2")
    assert ids(server_store) == ["run-1"]


def test_a_store_in_use_is_examined(server_store: Store, shared_store: str) -> None:
    write(server_store, "run-1")
    write(server_store, "run-2", "running")
    write(server_store, "run-3", "queued", owner="gone")
    server_store.write([])
    report = examine(open_maintained(shared_store))
    assert report.problems == ()
    assert report.runs == {"queued": 1, "running": 1, "success": 1}
    assert (report.event_batches, report.outputs, report.idempotency_keys) == (3, 3, 3)
    assert {(owner.worker, owner.state, owner.runs) for owner in report.owners} == {
        ("server", "alive", 1),
        ("gone", "missing", 1),
    }
    assert report.size_bytes > 0


DAMAGE = {
    "unreadable_record": "UPDATE runs SET record = ? WHERE run_id = 'run-1'",
    "unreadable_order": "UPDATE runs SET run_order = ? WHERE run_id = 'run-1'",
    "unreadable_events": "UPDATE events SET payload = ? WHERE run_id = 'run-1'",
    "unreadable_output": "UPDATE outputs SET value = ? WHERE run_id = 'run-1'",
}


@pytest.mark.parametrize("content", [b"no json", b"", b"\xff", b'{"run_id":"run-2"'])
def test_content_that_cannot_be_read_is_found(server_store: Store, shared_store: str, content: bytes) -> None:
    write(server_store, "run-1")
    with server_store.transaction(writes=True) as connection:
        for statement in DAMAGE.values():
            connection.execute(statement, (content,))
    report = examine(open_maintained(shared_store))
    assert {(found.kind, found.run_id) for found in report.problems} == {(kind, "run-1") for kind in DAMAGE}
    assert report.problem_count == len(DAMAGE)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE events SET first = 3, last = 4", "Event 3 is the first."),
        ("UPDATE events SET last = 3", "Events 1 to 3 are 2 events."),
        ("UPDATE events SET is_last = 0", "event 2 is the last but not the end"),
        ("UPDATE outputs SET run_id = 'run-2'", "There are outputs of the run, which is missing."),
        ("UPDATE idempotency_keys SET run_id = 'run-2'", "There are idempotency keys of the run, which is missing."),
        (
            "INSERT INTO events (run_id, first, last, is_last, payload) VALUES ('run-1', 9, 9, 1, '[1]')",
            "Event 3 is followed by event 9",
        ),
    ],
)
def test_what_is_missing_is_found(server_store: Store, shared_store: str, statement: str, message: str) -> None:
    write(server_store, "run-1")
    with server_store.transaction(writes=True) as connection:
        connection.execute(statement)
    (problem,) = examine(open_maintained(shared_store)).problems
    assert message in problem.message


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_store_of_an_earlier_version_is_examined_but_not_changed(tmp_path: Path, version: int) -> None:
    path = tmp_path / "runs.db"
    old_stores.fill(SQLiteStore(path, migrations=old_stores.old_migrations(version)))
    store = open_maintained(str(path))
    report = examine(store)
    assert (report.version, report.known_version, report.problems) == (version, len(MIGRATIONS), ())
    for change in (lambda: delete_run(store, old_stores.ENDED_ID), lambda: vacuum(store, RetentionLimits(runs=0))):
        with pytest.raises(StoreOutdatedError, match=f"has schema version {version}, and this .* writes"):
            change()
    assert examine(store).version == version


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    newer = SQLiteStore(path, migrations=(*MIGRATIONS, ("ALTER TABLE runs ADD COLUMN note TEXT",)))
    newer.open("newer")
    newer.close()
    with pytest.raises(StoreVersionError):
        open_maintained(str(path))


def sound_file(path: Path) -> bytes:
    store = SQLiteStore(path)
    store.open("me")
    store.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory:", "in the memory of a server"),
        ("mysql://host/db", "it is neither"),
        ("{tmp}/none.db", "there is no such file"),
        ("{tmp}", "it is a folder"),
        ("{tmp}/text", "the file is not a database of SQLite"),
        ("{tmp}/empty", "no server has made a store in it"),
        ("{tmp}/other.db", "no server has made a store in it"),
        ("{tmp}/pipe", "it is a pipe or a device"),
        ("{tmp}/cut.db", r"the file is damaged \(.*malformed\): put back a backup"),
        ("{tmp}/head.db", r"the file is damaged \(.*\): put back a backup"),
    ],
)
def test_what_is_no_store_is_refused_and_not_made(tmp_path: Path, url: str, message: str) -> None:
    (tmp_path / "text").write_text("text")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y)").connection.close()
    whole = sound_file(tmp_path / "sound.db")
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "head.db").write_bytes(whole[:16] + b"\xff" * 1000 + whole[1016:])
    before = set(tmp_path.iterdir())
    with pytest.raises(StoreUrlError, match=message):
        open_maintained(url.format(tmp=tmp_path))
    # SQLite leaves its own files beside a database that it has begun to read.
    assert {file.suffix for file in set(tmp_path.iterdir()) - before} <= {".db-shm", ".db-wal"}


def test_a_database_without_a_store_is_refused(postgres_url: str) -> None:
    with pytest.raises(StoreUrlError, match="no server has made a store in it"):
        open_maintained(postgres_url)


def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = SQLiteStore(path)
    store.open("me")
    for number in range(40):
        write(store, f"run-{number:02}", output=b'"' + b"x" * 5000 + b'"')
    store.close()
    with path.open("r+b") as file:
        file.seek(4096 * 12)
        file.write(b"\xff" * 4096 * 8)
    report = examine(open_maintained(str(path)))
    assert not report.is_sound
    assert {found.kind for found in report.problems} >= {"damaged_file"}
    assert len(report.problems) == len(set(report.problems))
    assert msgspec.json.encode(report)


def test_a_vacuum_deletes_what_is_beyond_the_limits(server_store: Store, shared_store: str) -> None:
    day = datetime.now(UTC) - timedelta(days=3)
    old = [f"{day:%Y-%m-%dT%H.%M.%S}.000Z-{number:04}" for number in range(60)]
    for run_id in (*old, "9-new", "8-new", "7-new"):
        write(server_store, run_id)
    write(server_store, "0-running", "running")
    store = open_maintained(shared_store)
    assert vacuum(store, RetentionLimits()).deleted_runs == 0
    assert vacuum(store, RetentionLimits(days=2.5)).deleted_runs == 60
    assert vacuum(store, RetentionLimits(runs=2)).deleted_runs == 1
    assert ids(server_store) == ["9-new", "8-new", "0-running"]
    assert examine(store).is_sound


def filled(tmp_path: Path) -> tuple[SQLiteStore, str]:
    """Return a store that is open, of 4 MB, and its path."""
    store = SQLiteStore(tmp_path / "runs.db")
    store.open("me")
    for number in range(8):
        write(store, f"run-{number}", output=b'"' + b"x" * 1_000_000 + b'"')
    return store, str(tmp_path / "runs.db")


def test_a_file_becomes_small_when_no_server_uses_it(tmp_path: Path) -> None:
    store, path = filled(tmp_path)
    store.close()
    done = vacuum(open_maintained(path), RetentionLimits(runs=1))
    assert (done.deleted_runs, done.limitation) == (7, None)
    assert done.bytes_before > 8_000_000
    assert done.bytes_after < 1_300_000
    assert not examine(open_maintained(path)).problems


def test_beside_a_server_a_file_gives_a_part_of_its_space_back(tmp_path: Path) -> None:
    """The server goes on writing; rewriting the whole file would keep it from that."""
    store, path = filled(tmp_path)
    done = vacuum(open_maintained(path), RetentionLimits(runs=1))
    assert done.limitation is not None
    assert "servers use the store" in done.limitation
    write(store, "run-9")
    assert ids(store) == ["run-9", "run-7"]
    store.close()
    assert Path(path).stat().st_size < 7_000_000


def test_a_vacuum_needs_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, path = filled(tmp_path)
    store.close()
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1_000_000})())
    with pytest.raises(StoreUnavailableError, match="its disk has 1000000 left"):
        vacuum(open_maintained(path), RetentionLimits())


def test_a_database_is_vacuumed_beside_servers(postgres_url: str) -> None:
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres_url.replace("/postgres?", f"/{name}?")
    store = open_store(url)
    store.open("server")
    for number in range(4):
        write(store, f"run-{number}", output=b'"' + b"x" * 1_000_000 + b'"')
    done = vacuum(open_maintained(url), RetentionLimits(runs=0))
    assert done.deleted_runs == 4
    assert done.bytes_after < done.bytes_before
    store.close()
