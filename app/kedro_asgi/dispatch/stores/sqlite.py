"""A store in a SQLite file, or in memory."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.file_lock import FileWorkerLock, file_lock, opening_lock
from kedro_asgi.dispatch.stores.liveness import SingleWorker
from kedro_asgi.dispatch.stores.pool import Pool
from kedro_asgi.dispatch.stores.schema import MIGRATIONS, Migration
from kedro_asgi.dispatch.stores.sql import SqlStore
from kedro_asgi.errors import StoreUnavailableError

_log = SafeLogger(__name__)

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
# Another process may be in the middle of a large transaction.
_BUSY_SECONDS = 10.0
# The size that the write-ahead log keeps after a large transaction.
_JOURNAL_BYTES = 16 * 2**20
# Free pages that stay in the file for the next runs, and how many are given back in one transaction.
_SPARE_PAGES = 1024
_PAGES_AT_ONCE = 1024


class SQLiteStore(SqlStore):
    """Keeps runs in ``path``, which several processes of one machine may share; ``None`` keeps them in memory."""

    _database = "sqlite"

    def __init__(self, path: Path | None, *, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        super().__init__(SingleWorker() if path is None else FileWorkerLock(path), migrations=migrations)
        self.is_shared = path is not None
        self._path = path
        self._pool = Pool(self._connect, is_broken=self._is_broken)
        self._opened_file: tuple[int, int] | None = None
        # A store in memory is a single connection, so its threads take turns.
        self._mutex: AbstractContextManager[Any] = nullcontext() if path is not None else threading.Lock()

    def open(self, owner: str) -> None:
        self.close()
        if self._path is None:
            self._open_database()
            return
        self._path = self._path.absolute()
        try:
            _make_folder(self._path.parent)
            self._acquire_lock(owner)
            # When two processes switch a new file to WAL at once, SQLite fails one of them without waiting.
            with file_lock(opening_lock(self._path)):
                self._open_database()
        except OSError as error:
            self.close()
            raise StoreUnavailableError(str(error)) from error
        self._opened_file = _file_identity(self._path)

    def close(self) -> None:
        self._opened_file = None
        self._pool.close()
        self._worker_lock.release()

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[SqlConnection]:
        with self._lent_connection() as connection:
            connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _lent_connection(self) -> Iterator[sqlite3.Connection]:
        self._check_file()
        try:
            with self._mutex, self._pool.connection() as connection:
                yield connection
        except sqlite3.DataError:
            # The value is at fault, such as an output that is too large; the store is available.
            raise
        except sqlite3.DatabaseError as error:
            raise StoreUnavailableError(f"{self._name()}: {error}") from error

    def clock_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def give_back_space(self) -> bool:
        with self._lent_connection() as connection:
            before = _pragma(connection, "freelist_count")
            if before <= _SPARE_PAGES:
                return False
            # A script, since the statement has a step for each page, and `execute` makes one step.
            pages = min(before - _SPARE_PAGES, _PAGES_AT_ONCE)
            connection.executescript(f"PRAGMA incremental_vacuum({pages})")
            after = _pragma(connection, "freelist_count")
        # A file that an older version made gives nothing back.
        return _SPARE_PAGES < after < before

    def _open_database(self) -> None:
        if self._path is not None:
            _make_private(self._path)
        self._pool.open()
        self.migrate()

    def _check_file(self) -> None:
        """Raise if the opened file was removed or replaced: SQLite would go on writing to a file that is lost."""
        # Read the attribute once: another thread may close the store meanwhile.
        opened = self._opened_file
        if opened is not None and self._path is not None and _file_identity(self._path) != opened:
            reason = "the file was removed or replaced while it was in use: put it back, or start the server again"
            raise StoreUnavailableError(f"{self._name()}: {reason}")

    def _connect(self) -> sqlite3.Connection:
        database = ":memory:" if self._path is None else str(self._path)
        connection = sqlite3.connect(
            database, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        # Counts only for a new file, and only before anything is written to it.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # Text that is damaged must not keep other rows from being read.
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
        # A promise to a caller requires that a commit is on disk, also when the machine loses power.
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _is_broken(self, error: BaseException) -> bool:
        # Closing the connection of a store in memory would delete the store. And a new connection writes something, so
        # while the disk is full, only those that exist can read.
        is_full = getattr(error, "sqlite_errorcode", None) in _FULL
        return self._path is not None and isinstance(error, sqlite3.Error) and not is_full

    def _name(self) -> str:
        return str(self._path or "in memory")

    def _names(self) -> dict[str, str]:
        return {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "bytes": "BLOB"}

    def _contains(self, column: str) -> str:
        return f"instr({column}, ?) > 0"

    def _size_bytes(self, connection: SqlConnection, *, at_least: int) -> int:
        pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
        return pages * _pragma(connection, "page_size")

    def _schema_version(self, connection: SqlConnection) -> int:
        return _pragma(connection, "user_version")

    def _set_schema_version(self, connection: SqlConnection, version: int) -> None:
        connection.execute(f"PRAGMA user_version = {version}")


def _pragma(connection: SqlConnection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        # Another worker of the same server may have made it a moment ago.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")


def _make_private(path: Path) -> None:
    """Create the file for its owner alone: it holds parameters and outputs. SQLite gives its log the same rights.

    The rights of a file that is there already are the operator's choice, so they stay, and a line says so.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        rights = os.fstat(descriptor).st_mode & 0o077
    finally:
        os.close(descriptor)
    if rights and os.name == "posix":
        _log.warning("Other users may open the store '%s'; 'chmod 600' it if they should not.", path)


def _file_identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino
