"""Measures what a notification costs all processes of PostgreSQL, for several numbers of listeners."""

import statistics
from contextlib import ExitStack

import psycopg
from postgres_server import RunningPostgres

from fleet.costs import NotifyCosts

_LISTENERS = (1, 20, 80)


def measure_notifications(postgres: RunningPostgres, *, times: int) -> NotifyCosts:
    """Return the line through the costs of a notification; listeners read it as servers do."""
    costs = [_cost_us(postgres, listeners, times) - _cost_us(postgres, 0, times) for listeners in _LISTENERS]
    line = statistics.linear_regression(_LISTENERS, costs)
    return NotifyCosts(fixed_us=max(line.intercept, 0.0), listener_us=max(line.slope, 0.0))


def measure_connection_mib(postgres: RunningPostgres) -> float:
    """Return the memory that a connection takes which has read and written a little."""
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS touched (id INTEGER)")
        connection.execute("INSERT INTO touched SELECT generate_series(1, 100)")
        connection.commit()
        pid = connection.info.backend_pid
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            own = next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))
    return own / 1024


def _cost_us(postgres: RunningPostgres, listeners: int, times: int) -> float:
    """Return the CPU time of the database for a transaction that notifies so many, or that does nothing for none."""
    with ExitStack() as stack:
        connections = [_listening(stack, postgres.url) for _ in range(listeners)]
        notifier = stack.enter_context(psycopg.connect(postgres.url, autocommit=True))
        sql = "NOTIFY measured, 'x'" if listeners else "SELECT 1"
        notifier.execute(sql)
        before = postgres.cpu_seconds()
        for _ in range(times):
            notifier.execute(sql)
            for connection in connections:
                for _ in connection.notifies(timeout=10, stop_after=1):
                    pass
        return (postgres.cpu_seconds() - before) / times * 1e6


def _listening(stack: ExitStack, url: str) -> "psycopg.Connection[tuple[object, ...]]":
    connection = stack.enter_context(psycopg.connect(url, autocommit=True))
    connection.execute("LISTEN measured")
    return connection
