"""Notifications of webhooks in SQL: the statements that SQLite and PostgreSQL share."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.liveness import FailureDetector, WorkerLock
from kedro_asgi.dispatch.stores.notifications import (
    CURSOR_SEPARATOR,
    AttemptResult,
    ClaimedNotification,
    DueNotifications,
    NewNotification,
    NotificationClaim,
    NotificationPage,
    NotificationQuery,
    NotificationState,
    StoredNotification,
)
from kedro_asgi.dispatch.stores.sql_transactions import SqlTransactions

_INSERT = (
    "INSERT INTO notifications (notification_id, run_id, webhook, body, created_at, give_up_at, due_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
# A pending notification outlives its run, which may be deleted while a webhook is down.
_DELETE_OF_RUN = "DELETE FROM notifications WHERE run_id = ? AND due_at IS NULL"
_FREE = "owner IS NULL AND due_at IS NOT NULL"
# Each part has an index of its own.
_COUNT_PENDING = (
    f"SELECT (SELECT count(*) FROM notifications WHERE {_FREE}) "
    "+ (SELECT count(*) FROM notifications WHERE owner IS NOT NULL)"
)
_OTHER_OWNERS = "SELECT DISTINCT owner FROM notifications WHERE owner IS NOT NULL AND owner <> ?"
_SETTLE = (
    "UPDATE notifications SET owner = NULL, attempts = ?, problem = ?, due_at = ? "
    "WHERE notification_id = ? AND owner = ?"
)
_DELETE_DELIVERED = "DELETE FROM notifications WHERE notification_id = ? AND owner = ?"
# Nothing else would delete a failed notification whose run is gone.
_DELETE_FAILED_WITHOUT_RUN = (
    "DELETE FROM notifications WHERE notification_id = ? AND due_at IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_id = notifications.run_id)"
)
_CLAIM = (
    "UPDATE notifications SET owner = ? WHERE notification_id IN ("
    f"SELECT notification_id FROM notifications WHERE webhook = ? AND due_at <= ? AND {_FREE} "
    "ORDER BY due_at, run_id LIMIT ?"
    ") RETURNING notification_id, run_id, webhook, body, attempts, give_up_at"
)
_RELEASE = "UPDATE notifications SET owner = NULL WHERE owner = ?"
_STORED = "notification_id, run_id, webhook, attempts, created_at, due_at, problem"
_SEND_AGAIN = (
    "UPDATE notifications SET attempts = 0, due_at = ?, give_up_at = ? WHERE notification_id = ? AND due_at IS NULL"
)
_UNKNOWN_WEBHOOK = "No server has had a webhook of this name until the time for attempts was over."


def insert_notifications(connection: SqlConnection, notifications: Sequence[NewNotification]) -> None:
    """Insert notifications that are due at once; the store may have some already."""
    for new in notifications:
        columns = (new.notification_id, new.run_id, new.webhook, new.body, new.created_at_ms, new.give_up_at_ms)
        connection.execute(_INSERT, (*columns, new.created_at_ms))


def delete_notifications(connection: SqlConnection, runs: Sequence[tuple[str]]) -> None:
    """Delete the failed notifications of runs that are deleted."""
    connection.executemany(_DELETE_OF_RUN, runs)


class SqlNotifications(SqlTransactions):
    """A `NotificationQueue` and a `NotificationReader`, given connections to a database."""

    def __init__(self, worker_lock: WorkerLock) -> None:
        self._worker_lock = worker_lock
        # Its own: each look of a detector counts.
        self._claim_failures = FailureDetector(first_look_decides=worker_lock.is_kept_in_outages)

    def due_notifications(
        self, owner: str, limits: Mapping[str, int], *, now_ms: int, is_thorough: bool = True
    ) -> DueNotifications:
        wanted = [webhook for webhook, limit in limits.items() if limit > 0]
        is_wanted = f"webhook IN ({_marks(wanted)}) AND due_at <= ?"
        is_unknown = f"webhook NOT IN ({_marks(tuple(limits))}) AND give_up_at <= ?"
        with self.transaction(writes=False) as connection:
            is_any = _exists(connection, is_wanted, (*wanted, now_ms))
            if not is_thorough:
                return DueNotifications(is_any=is_any)
            has_unknown = _exists(connection, is_unknown, (*limits, now_ms))
            dead = self._dead_owners(owner, connection)
        return DueNotifications(is_any=bool(is_any or has_unknown or dead), has_unknown=has_unknown, dead_owners=dead)

    def count_pending_notifications(self) -> int:
        with self.transaction(writes=False) as connection:
            count: int = connection.execute(_COUNT_PENDING).fetchone()[0]
        return count

    def _dead_owners(self, owner: str, connection: SqlConnection) -> tuple[str, ...]:
        workers = [row[0] for row in connection.execute(_OTHER_OWNERS, (owner,)).fetchall()]
        statuses = self._worker_lock.statuses_of(workers, connection)
        return tuple(self._claim_failures.dead_workers(statuses))

    def claim_notifications(self, owner: str, claim: NotificationClaim) -> list[ClaimedNotification]:
        with self.transaction(writes=True) as connection:
            for result in claim.settled:
                _settle(connection, result, owner)
            for dead in claim.dead_owners:
                connection.execute(_RELEASE, (dead,))
            if (held := claim.held) is not None:
                connection.execute(f"{_RELEASE} AND notification_id NOT IN ({_marks(held)})", (owner, *held))
            if claim.fails_unknown:
                _fail_unknown(connection, tuple(claim.limits), claim.now_ms)
            return [
                _claimed(row)
                for webhook, limit in claim.limits.items()
                if limit > 0
                for row in connection.execute(_CLAIM, (owner, webhook, claim.now_ms, limit)).fetchall()
            ]

    def list_notifications(self, query: NotificationQuery) -> NotificationPage:
        conditions = dict(_conditions(query))
        values = [value for found in conditions.values() for value in found]
        where = " AND ".join(conditions) or "1 = 1"
        sql = f"SELECT {_STORED} FROM notifications WHERE {where} ORDER BY run_id DESC, webhook LIMIT ?"
        with self.transaction(writes=False) as connection:
            rows = connection.execute(sql, (*values, query.limit + 1)).fetchall()
        found = tuple(map(_stored, rows[: query.limit]))
        return NotificationPage(notifications=found, cursor=_cursor(found[-1]) if len(rows) > query.limit else None)

    def read_notification(self, notification_id: str) -> StoredNotification | None:
        with self.transaction(writes=False) as connection:
            return _read(connection, notification_id)

    def count_notifications(self) -> Mapping[tuple[str, NotificationState], int]:
        sql = "SELECT webhook, due_at IS NULL, count(*) FROM notifications GROUP BY webhook, due_at IS NULL"
        with self.transaction(writes=False) as connection:
            rows = connection.execute(sql).fetchall()
        return {(webhook, _state(is_failed=is_failed)): count for webhook, is_failed, count in rows}

    def send_notification_again(
        self, notification_id: str, *, now_ms: int, give_up_at_ms: int
    ) -> StoredNotification | None:
        with self.transaction(writes=True) as connection:
            connection.execute(_SEND_AGAIN, (now_ms, give_up_at_ms, notification_id))
            return _read(connection, notification_id)


def _conditions(query: NotificationQuery) -> Iterator[tuple[str, tuple[str, ...]]]:
    if query.state is not None:
        yield f"due_at IS {'NOT ' if query.state == 'pending' else ''}NULL", ()
    if query.webhook is not None:
        yield "webhook = ?", (query.webhook,)
    if query.cursor is not None:
        run_id, _, webhook = query.cursor.partition(CURSOR_SEPARATOR)
        # The first part alone narrows the search by the index of run ids.
        yield "run_id <= ? AND (run_id < ? OR webhook > ?)", (run_id, run_id, webhook)


def _cursor(last: StoredNotification) -> str:
    return f"{last.run_id}{CURSOR_SEPARATOR}{last.webhook}"


def _read(connection: SqlConnection, notification_id: str) -> StoredNotification | None:
    sql = f"SELECT {_STORED} FROM notifications WHERE notification_id = ?"
    row = connection.execute(sql, (notification_id,)).fetchone()
    return None if row is None else _stored(row)


def _exists(connection: SqlConnection, condition: str, values: Sequence[Any]) -> bool:
    sql = f"SELECT EXISTS (SELECT 1 FROM notifications WHERE {condition} AND {_FREE})"
    return bool(connection.execute(sql, values).fetchone()[0])


def _settle(connection: SqlConnection, result: AttemptResult, owner: str) -> None:
    """Store a result, unless another worker has the notification by now."""
    if result.problem is None:
        connection.execute(_DELETE_DELIVERED, (result.notification_id, owner))
        return
    values = (result.attempts, result.problem, result.due_at_ms, result.notification_id, owner)
    connection.execute(_SETTLE, values)
    if result.due_at_ms is None:
        connection.execute(_DELETE_FAILED_WITHOUT_RUN, (result.notification_id,))


def _fail_unknown(connection: SqlConnection, known: Sequence[str], now_ms: int) -> None:
    condition = f"webhook NOT IN ({_marks(known)}) AND give_up_at <= ? AND {_FREE}"
    sql = f"UPDATE notifications SET due_at = NULL, problem = ? WHERE {condition} RETURNING notification_id"
    failed = connection.execute(sql, (_UNKNOWN_WEBHOOK, *known, now_ms)).fetchall()
    connection.executemany(_DELETE_FAILED_WITHOUT_RUN, [tuple(row) for row in failed])


def _marks(values: Sequence[str]) -> str:
    # The empty text is the name of no webhook, no worker and no notification; databases differ in ``IN ()``.
    return ", ".join("?" * len(values)) or "''"


def _claimed(row: Sequence[Any]) -> ClaimedNotification:
    notification_id, run_id, webhook, body, attempts, give_up_at_ms = row
    return ClaimedNotification(
        notification_id=notification_id,
        run_id=run_id,
        webhook=webhook,
        body=bytes(body),
        attempts=attempts,
        give_up_at_ms=give_up_at_ms,
    )


def _stored(row: Sequence[Any]) -> StoredNotification:
    notification_id, run_id, webhook, attempts, created_at_ms, due_at_ms, problem = row
    return StoredNotification(
        notification_id=notification_id,
        run_id=run_id,
        webhook=webhook,
        state=_state(is_failed=due_at_ms is None),
        attempts=attempts,
        created_at_ms=created_at_ms,
        due_at_ms=due_at_ms,
        problem=problem,
    )


def _state(*, is_failed: bool) -> NotificationState:
    return "failed" if is_failed else "pending"
