"""A store in a PostgreSQL database."""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from kedro_asgi.dispatch.stores.forks import in_forked_processes
from kedro_asgi.dispatch.stores.liveness import Liveness, Presence
from kedro_asgi.dispatch.stores.pool import Pool
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.stores.sql import SqlStore
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.redaction import redact

_SCHEMA = "kedro_asgi"
# Locks for the length of a transaction: one migrates at a time, and events are numbered in the order of commits.
_WRITING = 4_021_977


class PostgresStore(SqlStore):
    """Keeps runs in the schema ``kedro_asgi`` of the database at ``url``; any number of machines may share it.

    A worker holds a lock of its own in the database while it lives; the database lets go of it when the connection
    ends, and so the others know.
    """

    def __init__(self, url: str, *, schema: str = _SCHEMA, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
        super().__init__(migrations=migrations)
        self._url = url
        self._schema = schema
        self._owner = ""
        self._pool = Pool(self._connect, is_broken=_is_broken)
        self._life: _Connection | None = None
        # Whoever comes and who looks for orphans may both find that there is none.
        self._life_turn = threading.Lock()
        in_forked_processes(self, PostgresStore._let_go)

    def open(self, owner: str) -> None:
        self.close()
        self._owner = owner
        self._absences = Liveness()
        self._pool.open()
        with self._translated():
            self._live()
        self.migrate()

    def close(self) -> None:
        self._pool.close()
        with self._life_turn:
            if self._life is not None:
                self._life.close()
                self._life = None

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator["_Connection"]:
        with self._translated(), self._pool.lent() as connection:
            try:
                if writes:
                    connection.execute("SELECT pg_advisory_xact_lock(?, hashtext(?))", (_WRITING, self._schema))
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def orphans(self, owner: str, *, limit: int) -> Any:
        with self._translated():
            self._live()
        return super().orphans(owner, limit=limit)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.OperationalError, psycopg.InternalError) as error:
            # What waits in the pool may be as broken as what failed.
            self._pool.empty()
            raise StoreUnavailableError(redact(f"{self._name()}: {error}")) from error

    def _live(self) -> None:
        """Hold this worker's lock; a connection that was lost is made again, and the lock taken again."""
        with self._life_turn:
            try:
                if self._life is not None:
                    self._life.execute("SELECT 1")
                    self._life.commit()
                    return
            except psycopg.Error:
                self._life = None
            self._life = self._locked()

    def _locked(self) -> "_Connection | None":
        """Return a connection that holds this worker's lock; none while the database keeps it for the lost one.

        It may for hours, where nothing told it that the connection is gone; the others see this worker live meanwhile.
        """
        life = self._connect()
        try:
            # Others hold it for a moment, to see whether it is free.
            life.execute("SET LOCAL lock_timeout = '1s'")
            life.execute("SELECT pg_advisory_lock(hashtextextended(?, 0))", (self._lock_name(self._owner),))
            life.commit()
        except psycopg.errors.LockNotAvailable:
            life.close()
            return None
        return life

    def _let_go(self) -> None:
        """Put something else in the place of a connection that belongs to another process, which goes on with it."""
        if self._life is not None:
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, self._life.fileno())
            os.close(nothing)

    def _connect(self) -> "_Connection":
        connection = psycopg.connect(self._url, connect_timeout=5, options=f"-c search_path={self._schema}")
        return _Connection(connection)

    def _presence(self, connection: Any, owner: str) -> Presence:
        sql = "SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))"
        (is_free,) = connection.execute(sql, (self._lock_name(owner),)).fetchone()
        # It may have lost its connection only, as all do when the database is restarted.
        return "away" if is_free else "here"

    def _lock_name(self, owner: str) -> str:
        return f"{self._schema}:{owner}"

    def _name(self) -> str:
        return redact(self._url)

    def _types(self) -> dict[str, str]:
        return {"serial": "BIGSERIAL PRIMARY KEY", "bytes": "BYTEA"}

    def _contains(self, column: str) -> str:
        return f"strpos({column}, ?) > 0"

    def _schema_version(self, connection: Any) -> int:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
        (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
        return int(version)

    def _set_schema_version(self, connection: Any, version: int) -> None:
        connection.execute("DELETE FROM schema_version")
        connection.execute("INSERT INTO schema_version (version) VALUES (?)", (version,))


def _is_broken(error: BaseException) -> bool:
    return isinstance(error, psycopg.Error)


class _Connection:
    """A connection that takes the question marks that SQLite takes; many rows travel as one batch."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.close = connection.close
        self.fileno = connection.fileno
        self.commit = connection.commit
        self.rollback = connection.rollback

    def execute(self, sql: str, values: Iterable[Any] = ()) -> Any:
        return self._connection.execute(sql.replace("?", "%s"), tuple(values))

    def executemany(self, sql: str, rows: Sequence[Any]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s"), rows)
