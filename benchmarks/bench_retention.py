"""What does PostgreSQL pay to forget a day of runs: when they are deleted, and when their partitions are dropped?

Both stores hold the runs of two days, and forget the older one as servers do: twenty runs a transaction, or the day as
a whole. ``cpu_s`` is the CPU time of all processes of PostgreSQL, with the vacuum that deleted rows need. The second
table has what partitions cost: looks and writes of a store with 31 days, beside those of a store without partitions.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
from fleet.store_costs import DatabaseMeter, measure_looks, measure_store
from harness import Row, read_options, write
from postgres_server import RunningPostgres, running_postgres

from kedro_asgi.dispatch.stores import day_partitions
from kedro_asgi.dispatch.stores.base import OldRecords
from kedro_asgi.dispatch.stores.maintained_postgres import MaintainedPostgresStore
from kedro_asgi.dispatch.stores.postgres import PostgresStore

_DAYS = 31
_AT_ONCE = 20
# As large as those of a run of two nodes.
_RECORD = (
    '{"run_id":"","status":"success","created_at":"2026-01-01T00:00:00Z","request":{"params":{"a":10}},"attempt":1}'
)
_EVENTS = '[{"event":"NodeStarted","run_id":"2026-01-01T00.00.00.000Z-0000aaaaaaaaaa","at":"2026-01-01T00:00:00Z"}]'
_FILL = """
INSERT INTO runs (run_id, status, owner, created_at, ended_at, facets, record)
    SELECT %(day)s || 'T' || to_char(n, 'FM00000000') || 'Z-0000aaaaaaaaaa', 'success', 'w', 1, 2, '', %(record)s::bytea
    FROM generate_series(1, %(runs)s) AS n;
INSERT INTO events (run_id, first, last, is_last, payload)
    SELECT run_id, batch, batch, 0, repeat(%(events)s, 4)::bytea FROM runs, generate_series(1, 3) AS batch
    WHERE run_id LIKE %(day)s || '%%';
"""


class _Side(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    url: str
    store: PostgresStore
    days: tuple[str, str]


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    runs = options.pick(quick=10_000, full=350_000)
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        sides = [_side(stack, postgres, name, runs) for name in ("deleted", "dropped")]
        rows = [_forget(postgres, side, runs) for side in sides]
        write("retention", f"forgetting {runs} of {2 * runs} runs with {3 * runs} batches of events", rows)
        costs = [_costs(postgres, side, rounds=options.pick(quick=8, full=60)) for side in sides]
    write("partition_costs", f"µs of a store without partitions, and of one with {_DAYS} days", costs)


def _side(stack: ExitStack, postgres: RunningPostgres, name: str, runs: int) -> _Side:
    url = postgres.new_database(name)
    store = PostgresStore(url)
    store.open("server")
    stack.callback(store.close)
    today = datetime.now(UTC).date()
    if name == "dropped":
        MaintainedPostgresStore(url).partition()
        with store.transaction(writes=True) as connection:
            for table in day_partitions.TABLES:
                connection.execute(f"DROP TABLE {table}_before")
                for age in range(_DAYS):
                    day = today - timedelta(days=age)
                    low, high = f"{day:%Y-%m-%d}", f"{day + timedelta(days=1):%Y-%m-%d}"
                    bounds = f"FROM ('{low}') TO ('{high}')"
                    connection.execute(f"CREATE TABLE {table}_{day:%Y_%m_%d} PARTITION OF {table} FOR VALUES {bounds}")
    days = (f"{today - timedelta(days=_DAYS - 1):%Y-%m-%d}", f"{today:%Y-%m-%d}")
    with psycopg.connect(url, options="-c search_path=kedro_asgi") as filling:
        for day in days:
            values = {"day": day, "record": _RECORD, "events": _EVENTS, "runs": runs}
            for statement in _FILL.split(";\n")[:2]:
                filling.execute(statement, values)
    with psycopg.connect(url, autocommit=True) as analyzing:
        analyzing.execute("VACUUM (ANALYZE)")
        analyzing.execute("CHECKPOINT")
    return _Side(name=name, url=url, store=store, days=days)


def _forget(postgres: RunningPostgres, side: _Side, runs: int) -> Row:
    """Forget the older day, then vacuum as autovacuum would."""
    with psycopg.connect(side.url, autocommit=True, options="-c search_path=kedro_asgi") as connection:
        ask: Callable[[str], float] = lambda sql: float(connection.execute(sql).fetchone()[0])  # noqa: E731
        wal = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
        size = f"SELECT {day_partitions.sizes_of_partitions(day_partitions.TABLES)}"
        cpu_seconds, wal_bytes, bytes_before, begun = postgres.cpu_seconds(), ask(wal), ask(size), time.perf_counter()
        longest = _forget_day(side)
        seconds = time.perf_counter() - begun
        connection.execute("VACUUM")
        return {
            "side": side.name,
            "runs": runs,
            "seconds": seconds,
            "longest_transaction_ms": longest * 1000,
            "cpu_s": postgres.cpu_seconds() - cpu_seconds,
            "wal_mib": (ask(wal) - wal_bytes) / 2**20,
            "mib_before": bytes_before / 2**20,
            "mib_after": ask(size) / 2**20,
        }


def _forget_day(side: _Side) -> float:
    """Return how long the longest transaction took: so long, other servers cannot write."""
    before, longest = side.days[1], 0.0
    while True:
        begun = time.perf_counter()
        if side.name == "dropped":
            if side.store.forget_day(before_run_id=before, keep_runs=2**60, keep_bytes=2**60) is None:
                return longest
            longest = max(longest, time.perf_counter() - begun)
            continue
        old = side.store.find_old(before_run_id=before, keep_runs=2**60, keep_bytes=2**60, keys_before_ms=0, limit=1000)
        if not old.run_ids:
            return longest
        for start in range(0, len(old.run_ids), _AT_ONCE):
            begun = time.perf_counter()
            side.store.delete_old(OldRecords(run_ids=old.run_ids[start : start + _AT_ONCE]), keys_before_ms=0)
            longest = max(longest, time.perf_counter() - begun)


def _costs(postgres: RunningPostgres, side: _Side, *, rounds: int) -> Row:
    meter = DatabaseMeter(cpu_seconds=postgres.cpu_seconds)
    groups = measure_store(side.store, meter, rounds=rounds)
    looks = measure_looks(side.store, meter, rounds=rounds)
    last = side.store.last_position()
    feed = [meter.measure(lambda: side.store.events_after(last, limit=500)).database_us for _ in range(rounds)]
    transaction = (groups.promise, groups.start, groups.end)
    return {
        "side": "one table" if side.name == "deleted" else f"{_DAYS} days",
        "run_database_us": sum(group.fixed.database_us + group.row.database_us for group in transaction),
        "row_database_us": sum(group.row.database_us for group in transaction),
        "cancel_look_us": looks.cancel.database_us,
        "orphan_look_us": looks.orphans.database_us,
        "event_look_us": statistics.median(feed),
    }


if __name__ == "__main__":
    main()
