"""Tables of a PostgreSQL store with a partition for each day (UTC) of run ids: old days are dropped, not deleted.

An id begins with the time at which it was made, so ranges of ids are days. Each table has one partition for all that
was there before, one for each day, created ahead, and one for ids of any other form.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.run_ids import first_id_of_day

TABLES = ("runs", "events", "outputs")
_BEFORE, _OTHERS = "before", "others"
# Servers look for missing partitions each few seconds, so this is how long they may rest.
_DAYS_AHEAD = 7
_PATIENCE = "20ms"

_IS_PARTITIONED = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('runs')"
_PARTITIONS = (
    "SELECT relname, pg_get_expr(relpartbound, pg_class.oid) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = to_regclass(?)"
)
_INDEXES = (
    "SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
    "WHERE indrelid = to_regclass(?) AND NOT indisprimary"
)
_PRIMARY_KEY = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = to_regclass(?) AND contype = 'p'"
)
_OWNER = (
    "SELECT quote_ident(rolname), pg_has_role(pg_roles.oid, 'MEMBER') FROM pg_class "
    "JOIN pg_roles ON pg_roles.oid = relowner WHERE pg_class.oid = to_regclass('runs')"
)
# The rights of other roles to a table, as operators have granted them.
_GRANTS = (
    "SELECT format('GRANT %%s ON %%s TO %%s%%s', privilege_type, ?::text, "
    "CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, "
    "CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) "
    "FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = to_regclass(?) AND grantee <> relowner"
)
_VIEWS = "SELECT viewname, definition FROM pg_views WHERE schemaname = current_schema()"


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The partitions of one day, or of all days before the first: ids from ``low`` (none: all) to below ``high``."""

    suffix: str
    low: str | None
    high: str


def is_partitioned(connection: SqlConnection) -> bool:
    """Tell whether the store has partitions."""
    row = connection.execute(_IS_PARTITIONED).fetchone()
    return bool(row and row[0])


def today_of(connection: SqlConnection) -> date:
    """Return the day by the clock of the database."""
    (today,) = connection.execute("SELECT (now() AT TIME ZONE 'UTC')::date").fetchone()
    assert isinstance(today, date)
    return today


def become_owner(connection: SqlConnection) -> bool:
    """Act as the owner of the tables for the rest of the transaction; false if the role of the connection may not."""
    owner, is_allowed = connection.execute(_OWNER).fetchone()
    if is_allowed:
        connection.execute(f"SET LOCAL ROLE {owner}")
    return bool(is_allowed)


def is_beyond_today(connection: SqlConnection) -> bool:
    """Tell whether anything is kept of a run with an id that is greater than those of today."""
    high = first_id_of_day(today_of(connection) + timedelta(days=1))
    found = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE run_id >= '{high}')" for table in TABLES)
    return bool(connection.execute(f"SELECT {found}").fetchone()[0])


def partition(connection: SqlConnection) -> None:
    """Turn the tables into partitioned ones; what they hold becomes the partition of the days until today.

    No row is copied: each table is read once. No id may be greater than those of today.
    """
    # Servers that use the store wait meanwhile, so a reader that takes long ends the attempt.
    connection.execute("SET LOCAL lock_timeout = '10s'")
    high = first_id_of_day(today_of(connection) + timedelta(days=1))
    views = connection.execute(_VIEWS).fetchall()
    for table in TABLES:
        _partition_table(connection, table, high)
    for name, definition in views:
        # Views follow a table that gets another name; these are to read the new ones.
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {definition}")
    add_days(connection)


def missing_days(connection: SqlConnection) -> list[date]:
    """Return today and the coming days that have no partition, and can have one."""
    today, days = today_of(connection), days_of(connection)
    have, highest = {day.low for day in days}, max((day.high for day in days if day.low is None), default="")
    coming = [today + timedelta(days=number) for number in range(_DAYS_AHEAD + 1)]
    lacking = [day for day in coming if first_id_of_day(day) not in have and first_id_of_day(day) >= highest]
    return [day for day in lacking if not _has_others(connection, day)]


def be_impatient(connection: SqlConnection) -> None:
    """Let the rest of the transaction raise ``LockNotAvailable`` where a reader has a table for long.

    Others wait for the table behind a statement that waits for it.
    """
    connection.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")


def add_days(connection: SqlConnection) -> None:
    """Create the partitions of today and the coming days that are missing."""
    for day in missing_days(connection):
        for table in TABLES:
            _add_partition(connection, table, day)


def days_of(connection: SqlConnection) -> list[Day]:
    """Return all days that have partitions, the oldest first."""
    days = (_day(name, bound) for name, bound in connection.execute(_PARTITIONS, ("runs",)).fetchall())
    return sorted((day for day in days if day is not None), key=lambda day: day.high)


def day_beyond(connection: SqlConnection, *, before: str, keep_runs: int, keep_bytes: int) -> Day | None:
    """Return the oldest day whose runs have all ended and that is beyond a limit: by age, or since later days suffice.

    ``before`` is an id: a day is old when all its ids are less. Today is never beyond. PostgreSQL's statistics tell
    about how many runs a day has.
    """
    days, today = days_of(connection), first_id_of_day(today_of(connection))
    runs = sum(_runs_of(connection, day) for day in days)
    size = sum(_bytes_of(connection, day) for day in days)
    for day in days:
        if day.high > today:
            return None
        runs -= _runs_of(connection, day)
        is_beyond = day.high <= before or runs >= keep_runs or size > keep_bytes
        size -= _bytes_of(connection, day)
        if is_beyond and not _has_unended(connection, day):
            return day
    return None


def aged_runs(connection: SqlConnection, *, before: str, limit: int) -> list[str]:
    """Return ended runs with ids less than ``before`` that no day has: these are deleted, not dropped."""
    tables = [f"runs_{suffix}" for suffix in (_BEFORE, _OTHERS) if _exists(connection, f"runs_{suffix}")]
    rows = " UNION ALL ".join(
        f"SELECT run_id FROM {table} WHERE ended_at IS NOT NULL AND run_id < ?" for table in tables
    )
    sql = f"{rows} ORDER BY run_id LIMIT ?"
    return [row[0] for row in connection.execute(sql, (*[before] * len(tables), limit)).fetchall()]


def count_runs(connection: SqlConnection, day: Day) -> int:
    """Return how many runs a day has."""
    return int(connection.execute(f"SELECT count(*) FROM runs_{day.suffix}").fetchone()[0])


def drop(connection: SqlConnection, day: Day) -> None:
    """Drop a day with all that is kept of its runs."""
    for table in TABLES:
        connection.execute(f"DROP TABLE {table}_{day.suffix}")
    low, values = ("", (day.high,)) if day.low is None else (" AND run_id >= ?", (day.high, day.low))
    connection.execute(f"DELETE FROM idempotency_keys WHERE run_id < ?{low}", values)
    connection.execute(f"DELETE FROM notifications WHERE due_at IS NULL AND run_id < ?{low}", values)


def sizes_of_partitions(tables: Sequence[str]) -> str:
    """Return an expression for what tables take on disk, with their partitions."""
    return " + ".join(
        f"coalesce((SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(to_regclass('{table}'))), "
        f"pg_total_relation_size(to_regclass('{table}')), 0)"
        for table in tables
    )


def _partition_table(connection: SqlConnection, table: str, high: str) -> None:
    before = f"{table}_{_BEFORE}"
    indexes = connection.execute(_INDEXES, (table,)).fetchall()
    grants = connection.execute(_GRANTS, (table, table)).fetchall()
    name, key = connection.execute(_PRIMARY_KEY, (table,)).fetchone()
    connection.execute(f"ALTER TABLE {table} RENAME TO {before}")
    for index, _ in indexes:
        connection.execute(f"ALTER INDEX {index} RENAME TO {index}_{_BEFORE}")
    connection.execute(f"ALTER INDEX {name} RENAME TO {name}_{_BEFORE}")
    connection.execute(
        f"CREATE TABLE {table} (LIKE {before} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE) "
        "PARTITION BY RANGE (run_id)"
    )
    if "run_id" in key:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {key}")
    else:
        _replace_counted_key(connection, table, name)
    for _, definition in indexes:
        connection.execute(definition)
    for (grant,) in grants:
        connection.execute(grant)
    connection.execute(f"ALTER TABLE {table} ATTACH PARTITION {before} FOR VALUES FROM (MINVALUE) TO ('{high}')")
    connection.execute(f"CREATE TABLE {table}_{_OTHERS} PARTITION OF {table} DEFAULT")


def _replace_counted_key(connection: SqlConnection, table: str, name: str) -> None:
    """Replace a key that one sequence counts up for all partitions, since a key has to contain the id of the run."""
    before = f"{table}_{_BEFORE}"
    (column,) = connection.execute(
        "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] "
        "WHERE indrelid = to_regclass(?) AND indisprimary",
        (before,),
    ).fetchone()
    (sequence,) = connection.execute("SELECT pg_get_serial_sequence(?, ?)", (before, column)).fetchone()
    connection.execute(f"ALTER TABLE {before} DROP CONSTRAINT {name}_{_BEFORE}")
    # It would be dropped with the first partition.
    connection.execute(f"ALTER SEQUENCE {sequence} OWNED BY {table}.{column}")
    connection.execute(f"CREATE INDEX {name} ON {table} ({column})")


def _add_partition(connection: SqlConnection, table: str, day: date) -> None:
    low, high = first_id_of_day(day), first_id_of_day(day + timedelta(days=1))
    connection.execute(
        f"CREATE TABLE {table}_{_suffix(day)} PARTITION OF {table} FOR VALUES FROM ('{low}') TO ('{high}')"
    )


def _exists(connection: SqlConnection, table: str) -> bool:
    return connection.execute("SELECT to_regclass(?)", (table,)).fetchone()[0] is not None


def _has_unended(connection: SqlConnection, day: Day) -> bool:
    sql = f"SELECT EXISTS (SELECT 1 FROM runs_{day.suffix} WHERE ended_at IS NULL)"
    return bool(connection.execute(sql).fetchone()[0])


def _runs_of(connection: SqlConnection, day: Day) -> int:
    sql = "SELECT coalesce(pg_stat_get_live_tuples(to_regclass(?)), 0)"
    return int(connection.execute(sql, (f"runs_{day.suffix}",)).fetchone()[0])


def _bytes_of(connection: SqlConnection, day: Day) -> int:
    sizes = " + ".join(f"pg_total_relation_size('{table}_{day.suffix}')" for table in TABLES)
    return int(connection.execute(f"SELECT {sizes}").fetchone()[0])


def _has_others(connection: SqlConnection, day: date) -> bool:
    """Tell whether the partition of other ids has some of a day: servers had their clocks far ahead."""
    low, high = first_id_of_day(day), first_id_of_day(day + timedelta(days=1))
    parts = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table}_{_OTHERS} WHERE run_id >= '{low}' AND run_id < '{high}')" for table in TABLES
    )
    return bool(connection.execute(f"SELECT {parts}").fetchone()[0])


def _day(name: str, bound: Any) -> Day | None:
    """Return the day of a partition by its bound, ``FOR VALUES FROM ('…') TO ('…')``; none for that of other ids."""
    _, found, high = str(bound).rpartition(" TO ('")
    if not found:
        return None
    _, found, low = str(bound).partition("FROM ('")
    return Day(
        suffix=name.removeprefix("runs_"), low=low.partition("'")[0] if found else None, high=high.partition("'")[0]
    )


def _suffix(day: date) -> str:
    return f"{day:%Y_%m_%d}"
