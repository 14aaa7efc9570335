"""A copy of a SQLite store that servers go on using."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from kedro_asgi.dispatch.stores.file_check import is_sqlite
from kedro_asgi.dispatch.stores.maintained_sqlite import live_workers
from kedro_asgi.dispatch.stores.read_only_sqlite import reading
from kedro_asgi.errors import BackupError


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that was made and read again."""

    path: str
    size_bytes: int
    runs: int


def back_up(store: Path, target: Path) -> Backup:
    """Copy the store at ``store`` to ``target``, which is replaced as a whole when the copy is verified and on disk.

    The copy holds each transaction that was committed before the call, or all of it or nothing of a later one. Raises
    `BackupError`, also for a ``target`` that is the store, another store in use, or no database; and
    `StoreUnavailableError` if the store cannot be read.
    """
    target = Path(os.path.realpath(target))
    with _named(target):
        _check_target(store, target)
        with _replacing(target) as aside:
            _copy(store, aside, target)
            runs = _verified_runs(aside)
        size = target.stat().st_size
    return Backup(path=str(target), size_bytes=size, runs=runs)


def _check_target(store: Path, target: Path) -> None:
    if target.is_dir():
        raise BackupError(str(target), "it is a folder, not a file.")
    if not target.parent.is_dir():
        raise BackupError(str(target), f"there is no folder '{target.parent}'.")
    if not target.exists():
        return
    if target.samefile(store):
        raise BackupError(str(target), "it is the store itself.")
    if live_workers(target):
        raise BackupError(str(target), "it is a store that a server uses.")
    if target.stat().st_size and not is_sqlite(target):
        raise BackupError(str(target), "there is a file that is no database of SQLite, and it is not replaced.")


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a new file beside ``target``, for its owner alone; it replaces ``target`` if the block succeeds."""
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield aside
        _flush(aside)
        # A killed server may have left them; SQLite would apply them to the new file, and so damage it.
        for log in _logs_of(target):
            log.unlink(missing_ok=True)
        aside.replace(target)
        _flush(target.parent)
    finally:
        for left in (aside, *_logs_of(aside)):
            left.unlink(missing_ok=True)


def _logs_of(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}-{kind}") for kind in ("journal", "wal", "shm")]


def _copy(store: Path, aside: Path, target: Path) -> None:
    with reading(store) as source, _named(target), closing(sqlite3.connect(aside, isolation_level=None)) as copy:
        # All pages in one step: between two steps a server may write, and then the copy would begin again.
        source.backup(copy, pages=-1)
        # One file without a log beside it, which readers may open on a read-only disk, too.
        copy.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def _named(target: Path) -> Iterator[None]:
    """Raise `BackupError` for errors of the disk and of the copy."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise BackupError(str(target), f"{error}.") from error
    except OSError as error:
        raise BackupError(str(target), f"{error.strerror or error}.") from error


def _verified_runs(aside: Path) -> int:
    """Return the number of runs in the copy; raises ``sqlite3.DatabaseError`` if it is damaged."""
    with closing(sqlite3.connect(aside)) as copy:
        found = [row[0] for row in copy.execute("PRAGMA integrity_check(3)").fetchall()]
        if found != ["ok"]:
            raise sqlite3.DatabaseError(f"the copy is damaged, as the store may be ({'; '.join(found)})")
        (runs,) = copy.execute("SELECT count(*) FROM runs").fetchone()
    return int(runs)


def _flush(path: Path) -> None:
    """Have the system write a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
