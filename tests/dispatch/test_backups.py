"""Backups of a SQLite store that servers use."""

import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedro_asgi.dispatch.stores.backup import back_up
from kedro_asgi.dispatch.stores.base import RunWrite
from kedro_asgi.dispatch.stores.examination import examine
from kedro_asgi.dispatch.stores.maintenance import open_maintained
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import BackupError
from kedro_asgi.runs import RunId, RunQuery, RunRecord


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """A store as a server has it open."""
    (tmp_path / "store").mkdir()
    store = SQLiteStore(tmp_path / "store" / "runs.db")
    store.open("server")
    write(store, "run-1")
    yield store
    store.close()


@pytest.fixture
def path(store: SQLiteStore, tmp_path: Path) -> Path:
    return tmp_path / "store" / "runs.db"


def write(store: SQLiteStore, run_id: str, *, output: bytes = b"1") -> None:
    record = RunRecord(run_id=RunId(run_id), status="running", created_at=datetime.now(UTC))
    store.write(
        [RunWrite(record=record, expected_status=None, owner="server", created_at_ms=1, outputs=(("x", output),))]
    )


def ids(path: Path) -> list[str]:
    store = SQLiteStore(path)
    store.open("other")
    try:
        return [found.run_id for found in store.list_runs(RunQuery(limit=1000)).runs]
    finally:
        store.close()


def test_a_backup_is_one_file_with_all_that_was_written(store: SQLiteStore, path: Path, tmp_path: Path) -> None:
    """What was written last is in the log beside the store, which a copy of the one file lacks."""
    made = back_up(path, tmp_path / "backup.db")
    assert (made.path, made.runs, made.size_bytes) == (
        str(tmp_path / "backup.db"),
        1,
        (tmp_path / "backup.db").stat().st_size,
    )
    assert sorted(found.name for found in tmp_path.iterdir()) == ["backup.db", "store"]
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600
    assert examine(open_maintained(str(tmp_path / "backup.db"))).is_sound
    assert ids(tmp_path / "backup.db") == ["run-1"]


def test_a_backup_holds_what_was_written_before_it_while_a_server_writes(
    store: SQLiteStore, path: Path, tmp_path: Path
) -> None:
    written: list[str] = []
    is_over = threading.Event()

    def serve() -> None:
        # Fewer than a list of runs may have.
        for number in range(900):
            if is_over.is_set():
                return
            write(store, f"run-{number:05}", output=b'"' + b"x" * 10_000 + b'"')
            written.append(f"run-{number:05}")

    has_written_meanwhile: list[bool] = []
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        for _ in range(5):
            before = set(written)
            back_up(path, tmp_path / "backup.db")
            has_written_meanwhile.append(len(written) > len(before))
            assert before <= set(ids(tmp_path / "backup.db"))
    finally:
        is_over.set()
        thread.join()
    assert any(has_written_meanwhile)
    assert examine(open_maintained(str(tmp_path / "backup.db"))).is_sound


def test_a_later_backup_replaces_an_earlier_one(store: SQLiteStore, path: Path, tmp_path: Path) -> None:
    back_up(path, tmp_path / "backup.db")
    (tmp_path / "link.db").symlink_to(tmp_path / "backup.db")
    write(store, "run-2")
    back_up(path, tmp_path / "link.db")
    assert (tmp_path / "link.db").is_symlink()
    assert ids(tmp_path / "backup.db") == ["run-2", "run-1"]


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond some bytes, less than a store has."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_backup_that_was_there(store: SQLiteStore, path: Path, tmp_path: Path) -> None:
    back_up(path, tmp_path / "backup.db")
    before = (tmp_path / "backup.db").read_bytes()
    write(store, "run-2", output=b'"' + b"x" * 200_000 + b'"')
    with full_disk(), pytest.raises(BackupError, match=r"backup.db' is not made: (database or disk is full|disk I/O)"):
        back_up(path, tmp_path / "backup.db")
    assert (tmp_path / "backup.db").read_bytes() == before
    assert sorted(found.name for found in tmp_path.iterdir()) == ["backup.db", "store"]
    write(store, "run-3")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("store/runs.db", "it is the store itself"),
        ("store", "it is a folder"),
        ("none/backup.db", "there is no folder"),
        ("notes.txt", "there is a file that is no database of SQLite, and it is not replaced"),
        ("used.db", "it is a store that a server uses"),
        ("store/runs.db/backup.db", "there is no folder"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_must_not_be_replaced_is_not(
    store: SQLiteStore, path: Path, tmp_path: Path, target: str, message: str
) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    used = SQLiteStore(tmp_path / "used.db")
    used.open("another")
    with pytest.raises(BackupError, match=message):
        back_up(path, tmp_path / target)
    used.close()
    assert not list(tmp_path.rglob("*.tmp"))
    assert (tmp_path / "notes.txt").read_text() == "notes"
    write(store, "run-2")


def test_a_damaged_store_replaces_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = SQLiteStore(path)
    store.open("me")
    for number in range(40):
        write(store, f"run-{number:02}", output=b'"' + b"x" * 5000 + b'"')
    back_up(path, tmp_path / "backup.db")
    store.close()
    with path.open("r+b") as file:
        file.seek(4096 * 12)
        file.write(b"\xff" * 4096 * 8)
    with pytest.raises(BackupError, match=r"backup.db' is not made: the copy is damaged, as the store may be"):
        back_up(path, tmp_path / "backup.db")
    assert len(ids(tmp_path / "backup.db")) == 40
    assert not list(tmp_path.glob("*.tmp"))


def test_a_store_that_a_killed_server_left_is_backed_up_with_its_log(
    store: SQLiteStore, path: Path, tmp_path: Path
) -> None:
    """The log holds the last runs, and no process has put them into the file."""
    (tmp_path / "left").mkdir()
    for found in path.parent.glob("runs.db*"):
        if not found.name.endswith((".lock", "-shm")):
            (tmp_path / "left" / found.name).write_bytes(found.read_bytes())
    with closing(sqlite3.connect(f"file:{tmp_path}/left/runs.db?immutable=1", uri=True)) as file:
        assert file.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert back_up(tmp_path / "left" / "runs.db", tmp_path / "backup.db").runs == 1


READ_ONLY = """
import os, sys
from pathlib import Path
from kedro_asgi.dispatch.stores.backup import back_up
from kedro_asgi.dispatch.stores.examination import examine
from kedro_asgi.dispatch.stores.maintenance import delete_run, open_maintained

if os.geteuid() == 0:
    os.setuid(65534)
path, target = sys.argv[1:]
print(back_up(Path(path), Path(target)).runs, examine(open_maintained(path)).is_sound)
for change in (lambda: delete_run(open_maintained(path), "run-1"), lambda: back_up(Path(path), Path(path + ".2"))):
    try:
        change()
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_a_store_in_a_read_only_folder_is_backed_up_and_examined(path: Path, open_folder: Path) -> None:
    """As by another user, or from a copy on a disk that is mounted read-only."""
    folder = open_folder / "store"
    folder.mkdir()
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(folder / "runs.db")) as copy:
        # In WAL mode, as a server leaves it.
        source.backup(copy)
    path = folder / "runs.db"
    path.chmod(0o444)
    folder.chmod(0o555)
    line = [sys.executable, "-c", READ_ONLY, str(path), str(open_folder / "backup.db")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    folder.chmod(0o755)
    first, deletion, backup = done.stdout.splitlines()
    assert first == "1 True"
    assert deletion.startswith("StoreUnavailableError The store of runs is not available:")
    assert backup.startswith("BackupError")
    assert backup.endswith("is not made: Permission denied.")


def test_the_log_that_a_killed_server_left_beside_a_backup_does_not_change_the_next_one(
    store: SQLiteStore, path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "backup.db"
    back_up(path, target)
    script = (
        "import os, sys; from pathlib import Path; sys.path.append('tests/dispatch'); import test_backups as t\n"
        "store = t.SQLiteStore(Path(sys.argv[1])); store.open('killed'); t.write(store, 'run-of-killed'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert target.with_name("backup.db-wal").stat().st_size
    write(store, "run-2")
    assert back_up(path, target).runs == 2
    assert ids(target) == ["run-2", "run-1"]
