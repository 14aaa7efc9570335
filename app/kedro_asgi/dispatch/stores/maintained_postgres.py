"""A PostgreSQL store beside the servers that use it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from kedro_asgi.dispatch.stores import day_partitions
from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.liveness import WorkerStatus
from kedro_asgi.dispatch.stores.postgres import PostgresStore
from kedro_asgi.errors import StorePartitionError

_TABLES = ("runs", "events", "outputs", "idempotency_keys", "notifications")


class MaintainedPostgresStore(PostgresStore):
    """Takes the store as it is, and vacuums its tables."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.name = self._name()

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[SqlConnection]:
        with super().transaction(writes=writes) as connection:
            if not writes:
                # All statements see the same commits, or a run that ends meanwhile would lack events.
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    def version(self) -> int:
        with self.transaction(writes=False) as connection:
            (table,) = connection.execute("SELECT to_regclass('schema_version')").fetchone()
            if table is None:
                return 0
            (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
        return int(version)

    def size_bytes(self) -> int:
        sizes = day_partitions.sizes_of_partitions(_TABLES)
        with self.transaction(writes=False) as connection:
            (size,) = connection.execute(f"SELECT {sizes}").fetchone()
        return int(size)

    def integrity_problems(self) -> list[str] | None:
        """Return nothing: PostgreSQL examines its files by `pg_amcheck`."""
        return None

    def worker_status(self, worker: str, connection: SqlConnection) -> WorkerStatus:
        return self._worker_lock.statuses_of([worker], connection)[worker]

    def partition(self) -> bool:
        with self.transaction(writes=True) as connection:
            if day_partitions.is_partitioned(connection):
                return False
            if not day_partitions.become_owner(connection):
                reason = "its tables belong to another role: use the URL of the servers."
                raise StorePartitionError(self.name, reason)
            if day_partitions.is_beyond_today(connection):
                reason = "it has runs of a day to come, since the clock of a server was ahead: wait for that day."
                raise StorePartitionError(self.name, reason)
            day_partitions.partition(connection)
        return True

    def shrink(self) -> str | None:
        with self._translated_errors(), psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
            for table in _TABLES:
                connection.execute(f"VACUUM (ANALYZE) {self._schema}.{table}")
        return "PostgreSQL uses the free space for the next runs, and gives back to the system what is at an end"
