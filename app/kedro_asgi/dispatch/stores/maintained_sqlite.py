"""A SQLite store beside the servers that use it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.file_lock import file_lock, opening_lock, worker_locks
from kedro_asgi.dispatch.stores.liveness import WorkerStatus
from kedro_asgi.dispatch.stores.read_only_sqlite import logs_of, reading
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import StorePartitionError, StoreUnavailableError
from kedro_asgi.file_lock import is_unlocked

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
        return sum(path.stat().st_size for path in (self.path, *logs_of(self.path)) if path.exists())

    def integrity_problems(self) -> list[str] | None:
        try:
            with reading(self.path) as connection:
                found = connection.execute(f"PRAGMA integrity_check({_MAX_PROBLEMS})").fetchall()
        except StoreUnavailableError as error:
            return [error.reason]
        return [row[0] for row in found if row[0] != "ok"]

    def worker_status(self, worker: str, connection: SqlConnection) -> WorkerStatus:
        return self._worker_lock.statuses_of([worker], connection)[worker]

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
    locks = (lock for lock in worker_locks(path) if lock != opening)
    return [lock.name[len(path.name) + 1 : -len(".lock")] for lock in locks if not is_unlocked(lock)]


def _check_room(path: Path) -> None:
    """Check that there is room for a second copy of the file, and for the log of the change."""
    needed, free = 2 * path.stat().st_size, shutil.disk_usage(path.parent).free
    if free < needed:
        reason = f"rewriting it takes up to {needed} bytes, and its disk has {free} left"
        raise StoreUnavailableError(f"{path}: {reason}")
