"""A store in a SQLite file, or in memory."""

import os
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from kedro_asgi.dispatch.stores.forks import in_forked_processes
from kedro_asgi.dispatch.stores.liveness import Liveness, Presence
from kedro_asgi.dispatch.stores.pool import Pool
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.sql import SqlStore
from kedro_asgi.errors import StoreUnavailableError

if sys.platform != "win32":
    import fcntl

# Another process may be in the middle of a group of writes.
_BUSY_SECONDS = 10.0


class SQLiteStore(SqlStore):
    """Keeps runs in ``path``, which several processes of one machine may share; ``None`` keeps them in memory.

    A worker holds a lock on a file of its own beside the store while it lives; the kernel lets go of it when the
    process ends, in whatever way, and so the others know.
    """

    def __init__(self, path: Path | None, *, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
        super().__init__(migrations=migrations)
        self._path = path
        self._pool = Pool(self._connect, is_broken=self._is_broken)
        self._life = -1
        self._file: tuple[int, int] | None = None
        self.is_shared = path is not None
        # One connection is all of a store in memory: threads take turns.
        self._turn: Any = nullcontext() if path is not None else threading.Lock()
        in_forked_processes(self, SQLiteStore._let_go)

    def open(self, owner: str) -> None:
        self.close()
        self._absences = Liveness()
        if self._path is not None:
            self._path = self._path.absolute()
            try:
                self._make_folder(self._path.parent)
                self._sweep_lives(self._path)
                self._life = _locked(self._life_of(owner))
                with self._alone(self._path):
                    self._open_file()
            except OSError as error:
                self.close()
                raise StoreUnavailableError(str(error)) from error
            self._file = _identity(self._path)
        else:
            self._open_file()

    def _open_file(self) -> None:
        self._pool.open()
        self.migrate()

    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        """Let no other worker open the file meanwhile: of two that give a new one its log, SQLite fails one at once."""
        opening = _locked(path.with_name(f"{path.name}-opening.lock"))
        try:
            yield
        finally:
            _unlock(opening)

    def close(self) -> None:
        self._file = None
        self._pool.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._life >= 0:
            os.close(self._life)
            self._life = -1

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[sqlite3.Connection]:
        self._check_file()
        try:
            with self._turn, self._pool.lent() as connection:
                connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        except sqlite3.DataError:
            # What is written is at fault, such as an output that is too large; the store is not.
            raise
        except sqlite3.DatabaseError as error:
            raise StoreUnavailableError(f"{self._name()}: {error}") from error

    def _check_file(self) -> None:
        """Raise if the file is not the one that was opened: SQLite writes on into one that nobody will find again."""
        # Read once: another thread may close the store meanwhile.
        opened = self._file
        if opened is not None and self._path is not None and _identity(self._path) != opened:
            reason = "the file was removed or replaced while it was in use: put it back, or start the server again"
            raise StoreUnavailableError(f"{self._name()}: {reason}")

    def _connect(self) -> sqlite3.Connection:
        place = ":memory:" if self._path is None else str(self._path)
        connection = sqlite3.connect(
            place, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        connection.execute("PRAGMA journal_mode = WAL")
        # What a caller was promised is on the disk, not on its way there.
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _is_broken(self, error: BaseException) -> bool:
        # A store in memory is its connection.
        return self._path is not None and isinstance(error, sqlite3.Error)

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")

    def _life_of(self, owner: str) -> Path:
        assert self._path is not None
        return self._path.with_name(f"{self._path.name}-{owner}.lock")

    def _sweep_lives(self, path: Path) -> None:
        """Remove the locks of workers that ended without doing so."""
        for place in path.parent.glob(f"{path.name}-*.lock"):
            _is_free(place, remove=True)

    def orphans(self, owner: str, *, limit: int) -> Any:
        if self._path is not None:
            self._renew_life(owner)
        return super().orphans(owner, limit=limit)

    def _renew_life(self, owner: str) -> None:
        """Make this worker's lock again if somebody has tidied it away."""
        place = self._life_of(owner)
        try:
            if self._life >= 0 and not place.exists():
                renewed = _locked(place)
                self._let_go()
                self._life = renewed
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error

    def _presence(self, connection: Any, owner: str) -> Presence:
        if self._path is None:
            return "gone"
        place = self._life_of(owner)
        if not place.exists():
            # Somebody has tidied it away; its worker makes it again.
            return "away"
        return "gone" if _is_free(place) else "here"

    def _name(self) -> str:
        return str(self._path or "in memory")

    def _types(self) -> dict[str, str]:
        return {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "bytes": "BLOB"}

    def _contains(self, column: str) -> str:
        return f"instr({column}, ?) > 0"

    def _schema_version(self, connection: Any) -> int:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return int(version)

    def _set_schema_version(self, connection: Any, version: int) -> None:
        connection.execute(f"PRAGMA user_version = {version}")


def _identity(place: Path) -> tuple[int, int]:
    try:
        found = place.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _locked(place: Path) -> int:
    """Make and lock a file; another process that sweeps may remove it before it is locked, so look again."""
    while True:
        handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
        if sys.platform == "win32":
            # Files cannot be locked this way there: one worker process at a time.
            return handle
        fcntl.flock(handle, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), place.stat()):
                return handle
        os.close(handle)


def _unlock(handle: int) -> None:
    """Let go of a lock, also for processes that were forked meanwhile and hold a copy of it."""
    if sys.platform != "win32":
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def _is_free(place: Path, *, remove: bool = False) -> bool:
    """Whether nobody holds the file's lock; if so, ``remove`` it while nobody can."""
    if sys.platform == "win32":
        return True
    try:
        probe = os.open(place, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if remove:
            place.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(probe)
    return True
