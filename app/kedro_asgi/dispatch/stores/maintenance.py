"""Stores that are there already, as an operator's commands use them, also while servers do.

Nothing here registers a worker or upgrades a store.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from kedro_asgi.dispatch.stores import MEMORY, check_store, file_of, open_store
from kedro_asgi.dispatch.stores.base import OldRecords
from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.liveness import WorkerStatus
from kedro_asgi.dispatch.stores.maintained_sqlite import MaintainedSQLiteStore
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.write_sql import delete_runs
from kedro_asgi.errors import (
    RunNotEndedError,
    RunNotFoundError,
    StoreOutdatedError,
    StoreUrlError,
    StoreVersionError,
)


class ReadableStore(Protocol):
    """A store that can be examined."""

    name: str
    """The path or URL, without credentials."""

    def transaction(self, *, writes: bool) -> AbstractContextManager[SqlConnection]:
        """Lend a connection within a transaction; raise `StoreUnavailableError` for errors of the database."""

    def version(self) -> int:
        """Return the number of applied migrations; 0 for a database without a store."""

    def size_bytes(self) -> int:
        """Return what the store takes on disk."""

    def integrity_problems(self) -> list[str] | None:
        """Return what the database finds wrong with its own files; ``None`` if it cannot tell."""

    def worker_status(self, worker: str, connection: SqlConnection) -> WorkerStatus:
        """Tell whether a worker is alive."""


class ShrinkableStore(Protocol):
    """A store whose old runs can be deleted, and whose space can be given back."""

    def find_old(
        self, *, before_run_id: str, keep_runs: int, keep_bytes: int, keys_before_ms: int, limit: int
    ) -> OldRecords:
        """Return the runs to delete, as `RunReader.find_old` does."""

    def delete_old(self, old: OldRecords, *, keys_before_ms: int) -> None:
        """Delete runs and keys."""

    def forget_day(self, *, before_run_id: str, keep_runs: int, keep_bytes: int) -> int | None:
        """Drop a day, as `DayRetention.forget_day` does."""

    def partition(self) -> bool:
        """Give each coming day partitions of its own; false if they are there. Raises `StorePartitionError`."""

    def shrink(self) -> str | None:
        """Give free space back to the system; return why not all of it was given back, ``None`` if all was."""


class MaintainedStore(ReadableStore, ShrinkableStore, Protocol):
    """A store that an operator maintains."""


def open_maintained(url: str) -> MaintainedStore:
    """Return the store at ``url``; raises `StoreUrlError` if there is none, and `StoreVersionError` for a newer one."""
    if url == MEMORY:
        raise StoreUrlError(url, "it is in the memory of a server, and ends with it.")
    path = file_of(url)
    store = _postgres(url) if path is None else _sqlite(path)
    found, known = store.version(), len(MIGRATIONS)
    if found > known:
        raise StoreVersionError(store.name, found, known)
    if found == 0:
        raise StoreUrlError(store.name, "there is a database, but no server has made a store in it.")
    return store


def delete_run(store: MaintainedStore, run_id: str) -> None:
    """Delete a run that has ended, with all that is kept of it.

    Raises `RunNotFoundError`, `RunNotEndedError` and `StoreOutdatedError`.
    """
    check_current(store)
    with store.transaction(writes=True) as connection:
        row = connection.execute("SELECT status, ended_at FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        if row is None:
            raise RunNotFoundError(run_id)
        status, ended_at = row
        if ended_at is None:
            raise RunNotEndedError(run_id, status, "only a run that has ended can be deleted, so cancel it first")
        delete_runs(connection, [(run_id,)])


def partition_store(store: MaintainedStore) -> bool:
    """Give each coming day partitions of its own; false if they are there.

    Raises `StoreOutdatedError` and `StorePartitionError`.
    """
    check_current(store)
    return store.partition()


def check_current(store: ReadableStore) -> None:
    """Check that this version may write to the store; raises `StoreOutdatedError`."""
    if (found := store.version()) < len(MIGRATIONS):
        raise StoreOutdatedError(store.name, found, len(MIGRATIONS))


def _sqlite(path: Path) -> MaintainedStore:
    check_store(path)
    if not path.exists():
        raise StoreUrlError(str(path), "there is no such file.")
    return MaintainedSQLiteStore(path)


def _postgres(url: str) -> MaintainedStore:
    # Tells what is wrong with the URL, and which extra to install.
    open_store(url)
    from kedro_asgi.dispatch.stores.maintained_postgres import MaintainedPostgresStore

    return MaintainedPostgresStore(url)


def pages(connection: SqlConnection, columns: str, table: str, key: Sequence[str], *, size: int = 200) -> Any:
    """Yield the rows of a table in the order of their key, a few at a time; the key stands first in ``columns``."""
    names, marks = ", ".join(key), ", ".join("?" * len(key))
    where, last = "", tuple[Any, ...]()
    while True:
        sql = f"SELECT {columns} FROM {table}{where} ORDER BY {names} LIMIT {size}"
        rows = connection.execute(sql, last).fetchall()
        yield from rows
        if len(rows) < size:
            return
        where, last = f" WHERE ({names}) > ({marks})", tuple(rows[-1][: len(key)])
