"""A SQLite store beside the servers that use it."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.file_lock import file_lock, is_unlocked, opening_lock
from kedro_asgi.dispatch.stores.liveness import WorkerStatus
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import StorePartitionError, StoreUnavailableError

_BUSY_SECONDS = 10.0
_MAX_PROBLEMS = 20


class MaintainedSQLiteStore(SQLiteStore):
    """Reads through connections that cannot write, so a store on a read-only disk can be examined."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path
        self.name = str(path)

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[SqlConnection]:
        if writes:
            with super().transaction(writes=True) as connection:
                yield connection
            return
        with reading(self.path) as reader:
            reader.execute("BEGIN")
            yield reader

    def version(self) -> int:
        with reading(self.path) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone():
                return 0
            return self._schema_version(connection)

    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in (self.path, *_logs_of(self.path)) if path.exists())

    def integrity_problems(self) -> list[str] | None:
        try:
            with reading(self.path) as connection:
                found = connection.execute(f"PRAGMA integrity_check({_MAX_PROBLEMS})").fetchall()
        except StoreUnavailableError as error:
            return [error.reason]
        return [row[0] for row in found if row[0] != "ok"]

    def worker_status(self, worker: str, connection: SqlConnection) -> WorkerStatus:
        return self._worker_lock.status_of(worker, connection)

    def partition(self) -> bool:
        reason = "SQLite keeps all rows of a table in one place; only a PostgreSQL store has partitions."
        raise StorePartitionError(self.name, reason)

    def shrink(self) -> str | None:
        """Rewrite the file while no server uses it; beside servers, cut off its free end, since they need to write."""
        try:
            # No server opens the file while this lock is held.
            with file_lock(opening_lock(self.path)):
                if not live_workers(self.path):
                    self._rewrite()
                    return None
        except OSError as error:
            raise StoreUnavailableError(f"{self.path}: {error.strerror or error}") from error
        while self.give_back_space():
            pass
        with self._lent_connection() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return "servers use the store: a part of the free space stays in the file; stop them to get all of it"

    def _rewrite(self) -> None:
        _check_room(self.path)
        with self._lent_connection() as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def live_workers(path: Path) -> list[str]:
    """Return the workers that have the store at ``path`` open."""
    path = path.absolute()
    opening = opening_lock(path)
    locks = (lock for lock in path.parent.glob(f"{path.name}-*.lock") if lock != opening)
    return [lock.name[len(path.name) + 1 : -len(".lock")] for lock in locks if not is_unlocked(lock)]


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection that cannot write; raises `StoreUnavailableError` for errors of the database."""
    try:
        with closing(_reader(path)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise StoreUnavailableError(f"{path}: {error}") from error


def _reader(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    if not os.access(path.parent, os.W_OK) and not any(log.exists() for log in _logs_of(path)):
        # SQLite would make its files beside the store. Where they are missing, no server has it open.
        address += "&immutable=1"
    connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    # Text that somebody damaged must not keep other rows from being read.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    return connection


def _check_room(path: Path) -> None:
    """Check that there is room for a second copy of the file, and for the log of the change."""
    needed, free = 2 * path.stat().st_size, shutil.disk_usage(path.parent).free
    if free < needed:
        reason = f"rewriting it takes up to {needed} bytes, and its disk has {free} left"
        raise StoreUnavailableError(f"{path}: {reason}")


def _logs_of(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
