"""The writes of runs in SQL: the statements that SQLite and PostgreSQL share."""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from kedro_asgi.dispatch.stores.base import EventBatch, IdempotencyKey, OldRecords, RunKey, RunWrite, WriteResult
from kedro_asgi.dispatch.stores.caller_shares import set_callers
from kedro_asgi.dispatch.stores.connection import SqlConnection, SqlStatement
from kedro_asgi.dispatch.stores.notification_sql import delete_notifications, insert_notifications
from kedro_asgi.dispatch.stores.queue_sql import set_due_times, surplus_runs
from kedro_asgi.dispatch.stores.rows import encode_row, run_row
from kedro_asgi.dispatch.stores.schedule_sql import take_tick
from kedro_asgi.dispatch.stores.schedules import ScheduledRun
from kedro_asgi.dispatch.stores.sql_transactions import SqlTransactions

_INSERT_RUNS = (
    "INSERT INTO runs (run_id, status, owner, created_at, ended_at, facets, record, run_order) "
    "VALUES {rows} ON CONFLICT DO NOTHING"
)
_INSERT_EVENTS = "INSERT INTO events (run_id, first, last, is_last, payload) VALUES {rows} ON CONFLICT DO NOTHING"
_INSERT_OUTPUTS = "INSERT INTO outputs (run_id, name, value) VALUES {rows} ON CONFLICT DO NOTHING"
_INSERT_KEY = (
    "INSERT INTO idempotency_keys (key, digest, run_id, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_EXPECTED = "WHERE run_id = ? AND owner = ? AND status IN ({marks})"
_UPDATE_RUN = f"UPDATE runs SET status = ?, record = ? {_EXPECTED}"
_END_RUN = (
    "UPDATE runs SET status = ?, record = ?, ended_at = ?, "
    f"run_order = CASE WHEN length(run_order) <= ? THEN run_order END {_EXPECTED}"
)
_RELEASE_RUN = f"UPDATE runs SET status = ?, record = ?, owner = NULL, due_at = ? {_EXPECTED}"
_DELETE_OLD_KEY = "DELETE FROM idempotency_keys WHERE key = ? AND created_at < ?"
_SELECT_RUN_OF_KEY = "SELECT run_id FROM idempotency_keys WHERE key = ?"
_ROWS_PER_INSERT = (64, 32, 16, 8, 4, 2, 1)


class SqlRunWriter(SqlTransactions):
    """A `RunWriter`, given connections to a database."""

    def write(self, writes: Sequence[RunWrite]) -> list[WriteResult]:
        with self.transaction(writes=True) as connection:
            surplus = surplus_runs(connection, writes)
            rest = [write for write in writes if write.record.run_id not in surplus] if surplus else writes
            new = [write for write in rest if write.expected_status is None and write.key is None]
            # A run that replaces another one comes when that has its end.
            _insert(connection, _INSERT_RUNS, [run_row(write) for write in new if write.replaces is None])
            inserted = ["full" if write.record.run_id in surplus else _inserted(connection, write) for write in writes]
            results = self._update(connection, writes, inserted)
            if any(write.replaces is not None for write in new):
                results = _insert_replacements(connection, writes, results)
            stored = [write for write, result in zip(writes, results, strict=True) if result == "stored"]
            _insert(
                connection, _INSERT_EVENTS, [_event_row(batch) for write in stored for batch in write.event_batches]
            )
            outputs = [(write.record.run_id, *output) for write in stored for output in write.outputs]
            _insert(connection, _INSERT_OUTPUTS, outputs)
            insert_notifications(connection, [found for write in stored for found in write.notifications])
            set_due_times(connection, stored)
            set_callers(connection, stored)
            self._wake_after(connection, stored)
        return results

    def _update(
        self, connection: SqlConnection, writes: Sequence[RunWrite], inserted: Sequence[WriteResult | None]
    ) -> list[WriteResult]:
        """Update the runs that are not inserted; return the results of all."""
        updates = [_update_of(write) for write, result in zip(writes, inserted, strict=True) if result is None]
        counts = iter(self._count_changed(connection, updates))
        return [result or ("stored" if next(counts) else "lost") for result in inserted]

    def _count_changed(self, connection: SqlConnection, statements: Sequence[SqlStatement]) -> list[int]:
        """Execute statements; return how many rows each has changed."""
        return [connection.execute(sql, values).rowcount for sql, values in statements]

    def delete_old(self, old: OldRecords, *, keys_before_ms: int) -> None:
        runs = [(run_id,) for run_id in old.run_ids]
        with self.transaction(writes=True) as connection:
            delete_runs(connection, runs)
            # Another run may have taken the key meanwhile.
            connection.executemany(_DELETE_OLD_KEY, [(key, keys_before_ms) for key in old.keys])


def delete_runs(connection: SqlConnection, runs: Sequence[tuple[str]]) -> None:
    """Delete runs with all that is kept of them."""
    for table in ("runs", "events", "outputs", "idempotency_keys"):
        connection.executemany(f"DELETE FROM {table} WHERE run_id = ?", runs)
    delete_notifications(connection, runs)


def _insert(connection: SqlConnection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows by few statements: at each statement the thread releases the GIL and must acquire it again."""
    for size in _ROWS_PER_INSERT:
        while len(rows) >= size:
            some, rows = rows[:size], rows[size:]
            connection.execute(_with_rows(statement, size, len(some[0])), tuple(chain.from_iterable(some)))


@cache
def _with_rows(statement: str, rows: int, columns: int) -> str:
    marks = f"({', '.join('?' * columns)})"
    return statement.format(rows=", ".join([marks] * rows))


def _inserted(connection: SqlConnection, write: RunWrite) -> WriteResult | None:
    """Return the result for a new run, ``None`` for one that the store may have; others without a key are inserted."""
    if write.expected_status is None and write.key is not None and not _insert_with_key(connection, write, write.key):
        return "conflict"
    if write.expected_status is None and (write.owner is None or not write.unconfirmed_statuses):
        return "stored"
    return None


def _insert_replacements(
    connection: SqlConnection, writes: Sequence[RunWrite], results: Sequence[WriteResult]
) -> list[WriteResult]:
    """Insert the runs that replace others, where the writes of these were stored; return the results of all."""
    pairs = list(zip(writes, results, strict=True))
    ended = {write.record.run_id for write, result in pairs if result == "stored" and write.replaces is None}
    results = ["lost" if write.replaces not in (None, *ended) else result for write, result in pairs]
    new = [write for write, result in zip(writes, results, strict=True) if write.replaces and result == "stored"]
    _insert(connection, _INSERT_RUNS, [run_row(write) for write in new])
    return results


def _insert_with_key(connection: SqlConnection, write: RunWrite, key: RunKey) -> bool:
    """Insert a run and its key; false if another run has the key."""
    match key:
        case ScheduledRun():
            is_ours = take_tick(connection, key, write.record.run_id)
        case IdempotencyKey():
            is_ours = _take_key(connection, key)
    if is_ours:
        _insert(connection, _INSERT_RUNS, [run_row(write)])
    return is_ours


def _take_key(connection: SqlConnection, key: IdempotencyKey) -> bool:
    """Store a key; false if it stands for another run."""
    connection.execute(_DELETE_OLD_KEY, (key.key, key.not_before_ms))
    if not connection.execute(_INSERT_KEY, (key.key, key.digest, key.run_id, key.created_at_ms)).rowcount:
        (run_id,) = connection.execute(_SELECT_RUN_OF_KEY, (key.key,)).fetchone()
        # The same run: an earlier attempt was committed, but the writer did not learn of it.
        return bool(run_id == key.run_id)
    return True


def _update_of(write: RunWrite) -> SqlStatement:
    """Return the update of a run, which changes no row where another worker owns the run."""
    record, expected = write.record, [write.expected_status]
    if write.unconfirmed_statuses:
        expected += [*write.unconfirmed_statuses, record.status]
    # An index has the runs without an end, so a statement that sets no end costs less.
    statement, end = _UPDATE_RUN, tuple[int | None, ...]()
    if write.ended_at_ms is not None:
        statement, end = _END_RUN, (write.ended_at_ms, write.keep_order_bytes)
    elif write.is_released:
        statement, end = _RELEASE_RUN, (write.due_at_ms,)
    values = (record.status, encode_row(record), *end, record.run_id, write.owner, *expected)
    return statement.format(marks=", ".join("?" * len(expected))), values


def _event_row(batch: EventBatch) -> tuple[Any, ...]:
    return batch.run_id, batch.first, batch.last, int(batch.is_last), batch.payload
