"""Worker locks as advisory locks of a PostgreSQL database."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from kedro_asgi.dispatch.stores.liveness import WorkerStatus
from kedro_asgi.forked_children import call_in_forked_children

_KEY = "hashtextextended(?, 0)"
# Looks at the locks of all workers by one statement, and takes none: if one of the workers that look at the same moment
# tried a free lock, it would seem held to the others.
_SELECT_HELD = (
    "WITH held AS MATERIALIZED (SELECT (classid::bigint << 32) | objid::bigint AS key FROM pg_locks "
    "WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) "
    "SELECT worker, hashtextextended(? || worker, 0) IN (SELECT key FROM held) FROM unnest(?::text[]) AS worker"
)


class AdvisoryWorkerLock:
    """A `WorkerLock` that a connection of its own holds; the database frees it when the connection ends."""

    is_kept_in_outages = False

    def __init__(self, connect: Callable[[], Any], *, schema: str) -> None:
        self._connect = connect
        self._schema = schema
        self._worker = ""
        self._connection: Any = None
        # The writer thread opens the store while another thread looks for orphans: both may find no connection.
        self._mutex = threading.Lock()
        call_in_forked_children(self, AdvisoryWorkerLock._detach)

    def acquire(self, worker: str) -> None:
        self._worker = worker
        self.renew()

    def renew(self) -> None:
        """Check the connection; connect and lock again if it was lost."""
        with self._mutex:
            try:
                if self._connection is not None:
                    self._connection.execute("SELECT 1")
                    self._connection.commit()
                    return
            except psycopg.Error:
                self._connection = None
            self._connection = self._locked_connection()

    def release(self) -> None:
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def statuses_of(self, workers: Sequence[str], connection: Any) -> dict[str, WorkerStatus]:
        if not workers:
            return {}
        rows = connection.execute(_SELECT_HELD, (self._name_of(""), list(workers))).fetchall()
        # A worker without a lock may have lost only its connection, as all workers do when the database restarts.
        return {worker: "alive" if is_held else "missing" for worker, is_held in rows}

    def _locked_connection(self) -> Any:
        """Return a connection that holds the lock, or ``None`` while the database keeps the lock for a lost one.

        The database may keep it for hours if nothing tells it that the connection is gone. Other workers see this
        worker alive meanwhile.
        """
        connection = self._connect()
        try:
            # The database may keep the lock for a connection that is lost.
            connection.execute("SET LOCAL lock_timeout = '1s'")
            connection.execute(f"SELECT pg_advisory_lock({_KEY})", (self._name_of(self._worker),))
            connection.commit()
        except psycopg.errors.LockNotAvailable:
            connection.close()
            return None
        return connection

    def _detach(self) -> None:
        """In a forked child: replace the socket, which the parent goes on using, with one end of nothing."""
        if self._connection is not None:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, self._connection.fileno())
            os.close(null)

    def _name_of(self, worker: str) -> str:
        return f"{self._schema}:{worker}"
