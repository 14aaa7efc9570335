"""A store in a PostgreSQL database."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.stores import day_partitions
from kedro_asgi.dispatch.stores.advisory_lock import AdvisoryWorkerLock
from kedro_asgi.dispatch.stores.base import OldRecords, RunWrite, WakeTopic
from kedro_asgi.dispatch.stores.connection import SqlConnection, SqlStatement
from kedro_asgi.dispatch.stores.pipelined_connection import PipelinedConnection
from kedro_asgi.dispatch.stores.pool import Pool
from kedro_asgi.dispatch.stores.schema import MIGRATIONS, Migration
from kedro_asgi.dispatch.stores.sql import SqlStore, old_keys
from kedro_asgi.dispatch.stores.wake_listener import WakeListener, wake_payload
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.redaction import redact

_log = SafeLogger(__name__)

_SCHEMA = "kedro_asgi"
# The advisory lock of writing transactions: one worker migrates at a time, and events are numbered in commit order.
_WRITE_LOCK = 4_021_977
# Both ends notice within half a minute that the other machine is gone; the database then frees its locks.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
# A worker that is paused within a transaction that writes would keep all others from writing.
_IDLE_SECONDS = 10
_OPTIONS = (
    *(f"-c tcp_{name}={value}" for name, value in _KEEPALIVES.items()),
    f"-c idle_in_transaction_session_timeout={_IDLE_SECONDS}s",
)


class PostgresStore(SqlStore):
    """Keeps runs in the schema ``kedro_asgi`` of the database at ``url``; any number of machines may share it."""

    _database = "postgresql"
    has_wakes = True

    def __init__(self, url: str, *, schema: str = _SCHEMA, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        super().__init__(AdvisoryWorkerLock(self._connect, schema=schema), migrations=migrations)
        self._logged = ""
        self._url = url
        self._schema = schema
        self._pool = Pool(
            self._connect, is_broken=_is_broken, is_kept=lambda connection: not connection.has_large_buffers
        )
        self._owner = ""
        self._listener: WakeListener | None = None

    def open(self, owner: str) -> None:
        self._disconnect()
        self._owner = owner
        self._pool.open()
        with self._translated_errors():
            self._acquire_lock(owner)
        self.migrate()

    def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()
        self._disconnect()

    def _disconnect(self) -> None:
        self._pool.close()
        self._worker_lock.release()

    @property
    def is_listening(self) -> bool:
        return self._listener is not None and self._listener.is_listening

    def listen(self, owner: str, wake: Callable[[frozenset[WakeTopic]], None]) -> None:
        self._listener = WakeListener(self._connect, channel=self._schema, owner=owner, wake=wake)
        self._listener.start()

    def _wake_others(self, connection: SqlConnection, *topics: str) -> None:
        connection.execute("SELECT pg_notify(?, ?)", (self._schema, wake_payload(self._owner, topics)))

    def _wake_after(self, connection: SqlConnection, writes: Sequence[RunWrite]) -> None:
        topics = {
            "events": any(write.event_batches for write in writes),
            "queue": any(write.owner is None or write.is_released for write in writes),
            "ends": any(write.ended_at_ms is not None for write in writes),
        }
        if told := [topic for topic, is_told in topics.items() if is_told]:
            self._wake_others(connection, *told)

    def _count_changed(self, connection: SqlConnection, statements: Sequence[SqlStatement]) -> list[int]:
        if len(statements) < 2 or not isinstance(connection, PipelinedConnection):
            return super()._count_changed(connection, statements)
        return connection.count_changed(statements)

    def orphaned_runs(self, owner: str, *, limit: int, with_queue: bool = True) -> Any:
        with self._translated_errors():
            return super().orphaned_runs(owner, limit=limit, with_queue=with_queue)

    def find_old(
        self, *, before_run_id: str, keep_runs: int, keep_bytes: int, keys_before_ms: int, limit: int
    ) -> OldRecords:
        with self.transaction(writes=False) as connection:
            if day_partitions.is_partitioned(connection):
                # Days that are too many or too large together are dropped as a whole.
                aged = day_partitions.aged_runs(connection, before=before_run_id, limit=limit)
                return OldRecords(run_ids=tuple(aged), keys=old_keys(connection, keys_before_ms, limit))
        return super().find_old(
            before_run_id=before_run_id,
            keep_runs=keep_runs,
            keep_bytes=keep_bytes,
            keys_before_ms=keys_before_ms,
            limit=limit,
        )

    def forget_day(self, *, before_run_id: str, keep_runs: int, keep_bytes: int) -> int | None:
        find = partial(day_partitions.day_beyond, before=before_run_id, keep_runs=keep_runs, keep_bytes=keep_bytes)
        # Most looks find nothing, and so they do not keep others from writing.
        with self.transaction(writes=False) as connection:
            if not day_partitions.is_partitioned(connection):
                return None
            day, lacks_days = find(connection), bool(day_partitions.missing_days(connection))
            runs = None if day is None else day_partitions.count_runs(connection, day)
        if lacks_days:
            self._change_days(day_partitions.add_days)
        return runs if day is not None and self._change_days(partial(_drop, day, find)) else None

    def _change_days(self, change: Callable[[SqlConnection], object]) -> bool:
        """Create or drop partitions; false if ``change`` says so, or while a reader, such as a backup, has them."""
        try:
            with self.transaction(writes=True) as connection:
                day_partitions.be_impatient(connection)
                return change(connection) is not False
        except StoreUnavailableError as error:
            match error.__cause__:
                case psycopg.errors.LockNotAvailable():
                    return False
                case psycopg.errors.DependentObjectsStillExist() as dependent:
                    # Such as a view of an operator.
                    self._log_once(f"A day beyond the limits cannot be dropped: {dependent.diag.message_detail}.")
                    return False
            raise

    def _log_once(self, problem: str) -> None:
        if problem != self._logged:
            self._logged = problem
            _log.warning("%s", problem)

    def clock_ms(self) -> int:
        row = self._read_row("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT")
        return int(row[0])

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[SqlConnection]:
        with self._translated_errors(), self._pool.connection() as connection:
            try:
                if writes:
                    # One round trip for all statements up to the next result that is asked for, or to the end.
                    with connection.pipelined():
                        connection.execute("SELECT pg_advisory_xact_lock(?, hashtext(?))", (_WRITE_LOCK, self._schema))
                        yield connection
                        # As a statement: psycopg's own commit waits for ever while a large statement is being sent.
                        connection.execute("COMMIT")
                else:
                    yield connection
                    connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.OperationalError, psycopg.InternalError) as error:
            # The idle connections may be as broken as the one that failed.
            self._pool.close_idle()
            raise StoreUnavailableError(redact(f"{self._name()}: {error}")) from error

    def _connect(self) -> PipelinedConnection:
        options = " ".join((f"-c search_path={self._schema}", *_OPTIONS))
        given: dict[str, Any] = {**_KEEPALIVES, **conninfo_to_dict(self._url)}
        return PipelinedConnection(psycopg.connect(**{**given, "connect_timeout": 5, "options": options}))

    def _name(self) -> str:
        return redact(self._url)

    def _names(self) -> dict[str, str]:
        return {"serial": "BIGSERIAL PRIMARY KEY", "bytes": "BYTEA", "schema": self._schema}

    def _contains(self, column: str) -> str:
        return f"strpos({column}, ?) > 0"

    def _size_bytes(self, connection: SqlConnection, *, at_least: int) -> int:
        columns = [("runs", "record"), ("runs", "run_order"), ("events", "payload"), ("outputs", "value")]
        # `record_json` does not count, since nothing says how much of it is deleted with a run.
        # The first sizes are quick, but with the rows that the database has yet to vacuum.
        sizes = day_partitions.sizes_of_partitions(tuple(dict(columns)))
        (size,) = connection.execute(f"SELECT {sizes}").fetchone()
        if size > at_least:
            sums = (f"(SELECT coalesce(sum(pg_column_size({name})), 0) FROM {table})" for table, name in columns)
            (size,) = connection.execute(f"SELECT {' + '.join(sums)}").fetchone()
        return int(size)

    def _schema_version(self, connection: SqlConnection) -> int:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
        self._check_schema(connection)
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
        (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
        return int(version)

    def _check_schema(self, connection: SqlConnection) -> None:
        """Check that tables without a schema are those of the store, since a pooler may drop the option for that."""
        (found,) = connection.execute("SELECT current_schema()").fetchone()
        if found != self._schema:
            reason = (
                f"its search_path leads to schema '{found}' and not to '{self._schema}': a pooler may drop 'options'"
            )
            raise StoreUnavailableError(f"{self._name()}: {reason}")

    def _set_schema_version(self, connection: SqlConnection, version: int) -> None:
        connection.execute("DELETE FROM schema_version")
        connection.execute("INSERT INTO schema_version (version) VALUES (?)", (version,))


def _drop(
    day: day_partitions.Day, find: Callable[[SqlConnection], day_partitions.Day | None], connection: SqlConnection
) -> bool:
    """Drop a day, unless another server has done so."""
    if find(connection) != day:
        return False
    day_partitions.drop(connection, day)
    return True


def _is_broken(error: BaseException) -> bool:
    return isinstance(error, psycopg.Error)
