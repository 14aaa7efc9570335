"""A store in SQL: the statements that SQLite and PostgreSQL share."""

import secrets
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, ClassVar

from kedro_asgi.dispatch.stores.base import (
    AdoptedRun,
    EventBatch,
    IdempotencyKey,
    OldRecords,
    RunWrite,
    WakeTopic,
)
from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.liveness import FailureDetector, WorkerLock
from kedro_asgi.dispatch.stores.notification_sql import SqlNotifications
from kedro_asgi.dispatch.stores.queue_sql import SqlRunQueue
from kedro_asgi.dispatch.stores.rows import ADOPTED_COLUMNS, RECORD_COLUMNS, RowReader, as_bytes, facets
from kedro_asgi.dispatch.stores.schedule_sql import SqlSchedules
from kedro_asgi.dispatch.stores.schema import MIGRATIONS, Migration, statement_for
from kedro_asgi.dispatch.stores.write_sql import SqlRunWriter
from kedro_asgi.dispatch.waiting_order import PackedOrder
from kedro_asgi.errors import StoreVersionError
from kedro_asgi.run_arguments import names_of
from kedro_asgi.runs import RunId, RunPage, RunQuery, RunRecord

_SELECT_EVENTS = "SELECT position, run_id, first, last, is_last, payload FROM events"
_SELECT_AGED_RUNS = "SELECT run_id FROM runs WHERE ended_at IS NOT NULL AND run_id < ? ORDER BY run_id LIMIT ?"
_SELECT_SURPLUS_RUNS = "SELECT run_id FROM runs WHERE ended_at IS NOT NULL ORDER BY run_id DESC LIMIT ? OFFSET ?"
_SELECT_OLDEST_SIZES = (
    "SELECT run_id, length(record) + coalesce(length(run_order), 0) "
    "+ (SELECT coalesce(sum(length(payload)), 0) FROM events WHERE events.run_id = runs.run_id) "
    "+ (SELECT coalesce(sum(length(value)), 0) FROM outputs WHERE outputs.run_id = runs.run_id) "
    "FROM runs WHERE ended_at IS NOT NULL ORDER BY run_id LIMIT ?"
)
_SELECT_OLD_KEYS = "SELECT key FROM idempotency_keys WHERE created_at < ? LIMIT ?"

# How many workers look at all others each time. If there are more workers, each of them looks by chance, and about this
# number does. A look costs the more, the more others there are, and one that finds a worker dead suffices.
LOOKING_OWNERS = 20


class SqlStore(SqlRunWriter, SqlRunQueue, SqlNotifications, SqlSchedules):
    """A `Store`, given connections to a database."""

    is_shared = True
    has_wakes = False

    def __init__(self, worker_lock: WorkerLock, *, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        super().__init__(worker_lock)
        self._migrations = migrations
        self._failure_detector = FailureDetector(first_look_decides=worker_lock.is_kept_in_outages)
        self._rows = RowReader()
        self._owners = 0

    # --- where the databases differ ---

    @abstractmethod
    def _name(self) -> str:
        """Name the store without credentials."""

    _database: ClassVar[str]
    """The name of the database in migrations."""

    @abstractmethod
    def _names(self) -> dict[str, str]:
        """Return what stands in migrations for the database's names of types, and for its schema."""

    @abstractmethod
    def _contains(self, column: str) -> str:
        """Return an expression that is true where the text in ``column`` contains a parameter."""

    @abstractmethod
    def _size_bytes(self, connection: SqlConnection, *, at_least: int) -> int:
        """Return how many bytes the store holds, without free space; a store below ``at_least`` may say less."""

    @abstractmethod
    def _schema_version(self, connection: SqlConnection) -> int:
        """Return the number of applied migrations."""

    @abstractmethod
    def _set_schema_version(self, connection: SqlConnection, version: int) -> None:
        """Store the number of applied migrations."""

    @property
    def is_listening(self) -> bool:
        return False

    def listen(self, owner: str, wake: Callable[[frozenset[WakeTopic]], None]) -> None:
        """Do nothing: not all databases can wake workers."""

    def _wake_others(self, connection: SqlConnection, *topics: str) -> None:
        """Do nothing."""

    def _wake_after(self, connection: SqlConnection, writes: Sequence[RunWrite]) -> None:
        """Do nothing."""

    # --- opening ---

    def migrate(self) -> None:
        """Apply the missing migrations; raises `StoreVersionError` if the store is newer."""
        known = len(self._migrations)
        with self.transaction(writes=True) as connection:
            found = self._schema_version(connection)
            if found > known:
                raise StoreVersionError(self._name(), found, known)
            for statement in chain.from_iterable(self._migrations[found:]):
                if (sql := statement_for(self._database, statement)) is not None:
                    connection.execute(sql.format(**self._names()))
            if found < known:
                self._set_schema_version(connection, known)

    def check_writable(self) -> None:
        with self.transaction(writes=True) as connection:
            self._set_schema_version(connection, self._schema_version(connection))

    def _acquire_lock(self, owner: str) -> None:
        self._failure_detector = FailureDetector(first_look_decides=self._worker_lock.is_kept_in_outages)
        self._worker_lock.acquire(owner)

    def give_back_space(self) -> bool:
        return False

    def forget_day(self, *, before_run_id: str, keep_runs: int, keep_bytes: int) -> int | None:
        return None

    # --- reading runs ---

    def find_old(
        self, *, before_run_id: str, keep_runs: int, keep_bytes: int, keys_before_ms: int, limit: int
    ) -> OldRecords:
        with self.transaction(writes=False) as connection:
            aged = connection.execute(_SELECT_AGED_RUNS, (before_run_id, limit)).fetchall()
            surplus = connection.execute(_SELECT_SURPLUS_RUNS, (limit, keep_runs)).fetchall()
            keys = old_keys(connection, keys_before_ms, limit)
            excess = self._size_bytes(connection, at_least=keep_bytes) - keep_bytes
            sizes = connection.execute(_SELECT_OLDEST_SIZES, (limit,)).fetchall() if excess > 0 else []
        run_ids = sorted({row[0] for row in (*aged, *surplus, *_oldest(sizes, excess))})
        return OldRecords(run_ids=tuple(run_ids), keys=keys)

    def read_run(self, run_id: str) -> RunRecord | None:
        row = self._read_row(f"SELECT {RECORD_COLUMNS} FROM runs WHERE run_id = ?", run_id)
        return None if row is None else self._rows.record(row)

    def read_order(self, run_id: str) -> PackedOrder | None:
        row = self._read_row("SELECT run_order FROM runs WHERE run_id = ?", run_id)
        return None if row is None or row[0] is None else PackedOrder(content=as_bytes(row[0]))

    def list_runs(self, query: RunQuery) -> RunPage:
        conditions = list(self._conditions(query))
        where = " AND ".join(["run_id IS NOT NULL", *(condition for condition, _ in conditions)])
        values = [value for _, values in conditions for value in values]
        sql = f"SELECT {RECORD_COLUMNS} FROM runs WHERE {where} ORDER BY run_id DESC LIMIT ?"
        rows = self._read_rows(sql, *values, query.limit + 1)
        runs = tuple(map(self._rows.record, rows[: query.limit]))
        return RunPage(runs=runs, cursor=runs[-1].run_id if len(rows) > query.limit else None)

    def read_key(self, key: str, *, not_before_ms: int) -> IdempotencyKey | None:
        sql = "SELECT digest, run_id, created_at FROM idempotency_keys WHERE key = ? AND created_at >= ?"
        row = self._read_row(sql, key, not_before_ms)
        return None if row is None else IdempotencyKey(key=key, digest=row[0], run_id=row[1], created_at_ms=row[2])

    def read_output(self, run_id: str, name: str) -> bytes | None:
        row = self._read_row("SELECT value FROM outputs WHERE run_id = ? AND name = ?", run_id, name)
        return None if row is None else as_bytes(row[0])

    def ended_runs(self, run_ids: Sequence[str]) -> frozenset[str]:
        sql = f"SELECT run_id FROM runs WHERE run_id IN ({', '.join('?' * len(run_ids))}) AND ended_at IS NULL"
        return frozenset(run_ids).difference(row[0] for row in self._read_rows(sql, *run_ids))

    def _read_row(self, sql: str, *values: Any) -> Any:
        with self.transaction(writes=False) as connection:
            return connection.execute(sql, values).fetchone()

    def _read_rows(self, sql: str, *values: Any) -> list[Any]:
        with self.transaction(writes=False) as connection:
            return connection.execute(sql, values).fetchall()

    def _conditions(self, query: RunQuery) -> Iterator[tuple[str, tuple[Any, ...]]]:
        if query.cursor is not None:
            yield "run_id < ?", (query.cursor,)
        if statuses := tuple(dict.fromkeys(names_of(query.status))):
            yield f"status IN ({', '.join('?' * len(statuses))})", statuses
        if query.since is not None:
            yield "created_at >= ?", (int(query.since.timestamp() * 1000),)
        if any_pipeline := tuple(facets(query.any_pipeline, {})):
            yield f"({' OR '.join([self._contains('facets')] * len(any_pipeline))})", any_pipeline
        for facet in facets([query.pipeline] if query.pipeline is not None else [], query.labels):
            yield self._contains("facets"), (facet,)

    # --- reading events ---

    def events_of_run(self, run_id: str, *, after: int, limit: int) -> list[EventBatch]:
        sql = f"{_SELECT_EVENTS} WHERE run_id = ? AND last > ? ORDER BY last LIMIT ?"
        return [_event_batch(row) for row in self._read_rows(sql, run_id, after, limit)]

    def events_after(self, position: int, *, limit: int) -> list[EventBatch]:
        sql = f"{_SELECT_EVENTS} WHERE position > ? ORDER BY position LIMIT ?"
        return [_event_batch(row) for row in self._read_rows(sql, position, limit)]

    def last_position(self) -> int:
        return int(self._read_row("SELECT coalesce(max(position), 0) FROM events")[0])

    # --- coordination of workers ---

    def request_cancel(self, run_id: str) -> bool:
        with self.transaction(writes=True) as connection:
            sql = "UPDATE runs SET wants_cancel = 1 WHERE run_id = ? AND ended_at IS NULL RETURNING owner"
            row = connection.execute(sql, (run_id,)).fetchone()
            if row is not None and row[0] is not None:
                self._wake_others(connection, f"cancels:{row[0]}")
            return row is not None

    def requested_cancels(self, owner: str) -> list[str]:
        sql = "SELECT run_id FROM runs WHERE owner = ? AND ended_at IS NULL AND wants_cancel = 1"
        return [row[0] for row in self._read_rows(sql, owner)]

    def orphaned_runs(self, owner: str, *, limit: int, with_queue: bool = True) -> list[tuple[RunId, str | None]]:
        self._worker_lock.renew()
        if secrets.randbelow(max(1, self._owners)) >= LOOKING_OWNERS:
            return []
        without_owner = "owner IS NULL" if with_queue else "(owner IS NULL AND status <> 'queued')"
        with self.transaction(writes=False) as connection:
            sql = "SELECT DISTINCT owner FROM runs WHERE ended_at IS NULL AND owner <> ?"
            workers = [row[0] for row in connection.execute(sql, (owner,)).fetchall()]
            self._owners = len(workers)
            statuses = self._worker_lock.statuses_of(workers, connection)
            dead = self._failure_detector.dead_workers(statuses)
            marks = ", ".join("?" * len(dead)) or "NULL"
            sql = (
                f"SELECT run_id, owner FROM runs WHERE ended_at IS NULL AND ({without_owner} OR owner IN ({marks})) "
                "ORDER BY run_id LIMIT ?"
            )
            return [(RunId(row[0]), row[1]) for row in connection.execute(sql, (*dead, limit)).fetchall()]

    def adopt(self, run_id: str, *, former_owner: str | None, owner: str) -> AdoptedRun | None:
        condition, values = ("owner IS NULL", ()) if former_owner is None else ("owner = ?", (former_owner,))
        with self.transaction(writes=True) as connection:
            sql = (
                f"UPDATE runs SET owner = ? WHERE run_id = ? AND {condition} AND ended_at IS NULL "
                f"RETURNING {ADOPTED_COLUMNS}"
            )
            row = connection.execute(sql, (owner, run_id, *values)).fetchone()
            if row is None:
                return None
            sql = "SELECT coalesce(max(last), 0) FROM events WHERE run_id = ?"
            (last_event,) = connection.execute(sql, (run_id,)).fetchone()
            if former_owner is not None:
                self._wake_others(connection, f"runs:{former_owner}")
        return self._rows.adopted(row, last_event=last_event)

    def release_queued(self, owner: str) -> None:
        with self.transaction(writes=True) as connection:
            connection.execute("UPDATE runs SET owner = NULL WHERE owner = ? AND status = 'queued'", (owner,))
            self._wake_others(connection, "queue")


def old_keys(connection: SqlConnection, before_ms: int, limit: int) -> tuple[str, ...]:
    """Return idempotency keys that were created before ``before_ms``."""
    return tuple(row[0] for row in connection.execute(_SELECT_OLD_KEYS, (before_ms, limit)).fetchall())


def _oldest(sizes: Iterable[tuple[str, int]], excess: int) -> Iterator[tuple[str]]:
    """Yield the first runs that together have ``excess`` bytes."""
    for run_id, size in sizes:
        if excess <= 0:
            return
        yield (run_id,)
        excess -= size


def _event_batch(row: Sequence[Any]) -> EventBatch:
    position, run_id, first, last, is_last, payload = row
    return EventBatch(
        position=position, run_id=run_id, first=first, last=last, is_last=bool(is_last), payload=as_bytes(payload)
    )
