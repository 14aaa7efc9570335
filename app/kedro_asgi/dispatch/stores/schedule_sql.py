"""Schedules in SQL: the statements that SQLite and PostgreSQL share."""

from collections.abc import Mapping, Sequence

from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.schedules import ScheduledRun, ScheduleState
from kedro_asgi.dispatch.stores.sql_transactions import SqlTransactions

_INSERT = "INSERT INTO schedules (name, definition, defined_at, decided_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_DEFINE = "UPDATE schedules SET definition = ?, defined_at = ? WHERE name = ? AND definition <> ?"
_READ = "SELECT name, definition, defined_at, decided_at, is_paused, run_id FROM schedules"
_DECIDE = "UPDATE schedules SET decided_at = ? WHERE name = ? AND decided_at = ? AND is_paused = 0"
_TAKE_TICK = "UPDATE schedules SET decided_at = ?, run_id = ? WHERE name = ? AND decided_at < ? AND is_paused = 0"
_NOTE_RUN = "UPDATE schedules SET run_id = ? WHERE name = ?"
_PAUSE = "UPDATE schedules SET is_paused = 1 WHERE name = ?"
# A tick that passed while the schedule was paused is not missed.
_RESUME = (
    "UPDATE schedules SET is_paused = 0, decided_at = CASE WHEN decided_at > ? THEN decided_at ELSE ? END "
    "WHERE name = ? AND is_paused = 1"
)


def take_tick(connection: SqlConnection, scheduled: ScheduledRun, run_id: str) -> bool:
    """Let a run be that of its tick; false if the tick is decided, or the schedule is paused or not known."""
    if scheduled.tick_ms is None:
        connection.execute(_NOTE_RUN, (run_id, scheduled.schedule))
        return True
    tick_ms = scheduled.tick_ms
    if connection.execute(_TAKE_TICK, (tick_ms, run_id, scheduled.schedule, tick_ms)).rowcount:
        return True
    # An earlier attempt was committed, but the writer did not learn of it.
    return connection.execute("SELECT 1 FROM runs WHERE run_id = ?", (run_id,)).fetchone() is not None


class SqlSchedules(SqlTransactions):
    """A `ScheduleStore`, given connections to a database."""

    def define_schedules(self, definitions: Mapping[str, str], *, now_ms: int) -> None:
        with self.transaction(writes=True) as connection:
            for name, definition in definitions.items():
                if not connection.execute(_INSERT, (name, definition, now_ms, now_ms)).rowcount:
                    connection.execute(_DEFINE, (definition, now_ms, name, definition))

    def read_schedules(self, names: Sequence[str]) -> list[ScheduleState]:
        with self.transaction(writes=False) as connection:
            sql = f"{_READ} WHERE name IN ({', '.join('?' * len(names))})"
            rows = connection.execute(sql, tuple(names)).fetchall() if names else []
        return [
            ScheduleState(
                name=name,
                definition=definition,
                defined_ms=defined_ms,
                decided_ms=decided_ms,
                is_paused=bool(is_paused),
                run_id=run_id,
            )
            for name, definition, defined_ms, decided_ms, is_paused, run_id in rows
        ]

    def decide_ticks(self, name: str, *, from_ms: int, until_ms: int) -> bool:
        with self.transaction(writes=True) as connection:
            return bool(connection.execute(_DECIDE, (until_ms, name, from_ms)).rowcount)

    def pause_schedule(self, name: str, *, is_paused: bool, now_ms: int) -> None:
        with self.transaction(writes=True) as connection:
            if is_paused:
                connection.execute(_PAUSE, (name,))
            else:
                connection.execute(_RESUME, (now_ms, now_ms, name))
