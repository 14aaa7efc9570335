"""The queue of runs that any worker may claim, in SQL: the statements that SQLite and PostgreSQL share."""

from collections.abc import Sequence
from typing import Any

from kedro_asgi.dispatch.stores.base import AdoptedRun, Claim, RunWrite
from kedro_asgi.dispatch.stores.caller_shares import next_runs
from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.rows import ADOPTED_COLUMNS, RowReader
from kedro_asgi.dispatch.stores.sql_transactions import SqlTransactions

_WAITING = "owner IS NULL AND ended_at IS NULL AND status = 'queued'"
# A transaction that writes locks out all others that write, so no row needs a lock of its own.
_CLAIM = f"UPDATE runs SET owner = ?, due_at = NULL WHERE run_id IN ({{runs}}) RETURNING {ADOPTED_COLUMNS}"
_OLDEST = f"SELECT run_id FROM runs WHERE {_WAITING} AND (due_at IS NULL OR due_at <= ?) ORDER BY run_id LIMIT ?"
_LAST_EVENTS = "SELECT run_id, max(last) FROM events WHERE run_id IN ({marks}) GROUP BY run_id"
_MOST_COUNTED = 1_000_000
_COUNT_OWNED = "SELECT count(*) FROM runs WHERE ended_at IS NULL AND owner IS NOT NULL"
# Those that wait for their next attempts do not count.
_COUNT_WAITING = f"SELECT count(*) FROM (SELECT 1 FROM runs WHERE {_WAITING} AND due_at IS NULL LIMIT ?) AS waiting"
_NEXT_DUE = f"SELECT min(due_at) FROM runs WHERE {_WAITING} AND due_at > ?"
_IS_ANY_DUE = f"SELECT EXISTS (SELECT 1 FROM runs WHERE {_WAITING} AND (due_at IS NULL OR due_at <= ?))"
_RETURN = "UPDATE runs SET owner = NULL WHERE run_id = ? AND owner = ? AND ended_at IS NULL AND status = 'queued'"
_SET_DUE = "UPDATE runs SET due_at = ? WHERE run_id = ? AND owner IS NULL"


class SqlRunQueue(SqlTransactions):
    """A `RunQueue`, given connections to a database."""

    _rows: RowReader

    def claim_runs(
        self, owner: str, *, limit: int, max_owned: int | None, now_ms: int, by_caller: bool = False
    ) -> Claim:
        with self.transaction(writes=True) as connection:
            if max_owned is not None:
                (owned,) = connection.execute(_COUNT_OWNED).fetchone()
                limit = min(limit, max_owned - owned)
            rows = _claim(connection, owner, limit, now_ms, by_caller=by_caller) if limit > 0 else []
            runs = tuple(self._claimed(connection, rows))
            if len(rows) == limit if limit > 0 else _is_any_due(connection, now_ms):
                return Claim(runs=runs, is_any_left=True)
            return Claim(runs=runs, next_due_at_ms=connection.execute(_NEXT_DUE, (now_ms,)).fetchone()[0])

    def has_due_runs(self, *, now_ms: int) -> bool:
        with self.transaction(writes=False) as connection:
            return _is_any_due(connection, now_ms)

    def count_queued(self) -> int:
        with self.transaction(writes=False) as connection:
            return int(connection.execute(_COUNT_WAITING, (_MOST_COUNTED,)).fetchone()[0])

    def return_runs(self, run_ids: Sequence[str], *, owner: str) -> None:
        with self.transaction(writes=True) as connection:
            connection.executemany(_RETURN, [(run_id, owner) for run_id in run_ids])
            self._wake_others(connection, "queue")

    def owned_runs(self, owner: str) -> frozenset[str]:
        sql = "SELECT run_id FROM runs WHERE owner = ? AND ended_at IS NULL"
        with self.transaction(writes=False) as connection:
            return frozenset(row[0] for row in connection.execute(sql, (owner,)).fetchall())

    def _claimed(self, connection: SqlConnection, rows: Sequence[Sequence[object]]) -> list[AdoptedRun]:
        if not rows:
            return []
        ids = [str(row[0]) for row in rows]
        sql = _LAST_EVENTS.format(marks=", ".join("?" * len(ids)))
        last_events = dict(connection.execute(sql, ids).fetchall())
        return [
            self._rows.adopted(row, last_event=last_events.get(row[0], 0))
            for row in sorted(rows, key=lambda row: str(row[0]))
        ]


def _claim(connection: SqlConnection, owner: str, limit: int, now_ms: int, *, by_caller: bool) -> Any:
    """Take runs from the queue; return their rows."""
    if not by_caller:
        return connection.execute(_CLAIM.format(runs=_OLDEST), (owner, now_ms, limit)).fetchall()
    run_ids = next_runs(connection, limit=limit, now_ms=now_ms)
    marks = ", ".join("?" * len(run_ids))
    return connection.execute(_CLAIM.format(runs=marks), (owner, *run_ids)).fetchall() if run_ids else []


def _is_any_due(connection: SqlConnection, now_ms: int) -> bool:
    return bool(connection.execute(_IS_ANY_DUE, (now_ms,)).fetchone()[0])


def surplus_runs(connection: SqlConnection, writes: Sequence[RunWrite]) -> frozenset[str]:
    """Return the new runs for which the queue of the store has no place."""
    new = [write for write in writes if write.owner is None and write.max_queued is not None]
    if not new:
        return frozenset()
    most = max(write.max_queued or 0 for write in new)
    (waiting,) = connection.execute(_COUNT_WAITING, (most + 1,)).fetchone()
    return frozenset(
        write.record.run_id for place, write in enumerate(new, waiting) if place >= (write.max_queued or 0)
    )


def set_due_times(connection: SqlConnection, writes: Sequence[RunWrite]) -> None:
    """Store when new runs in the queue are due, where that is later than now."""
    due = [(write.due_at_ms, write.record.run_id) for write in writes if write.due_at_ms is not None]
    if due:
        connection.executemany(_SET_DUE, due)
