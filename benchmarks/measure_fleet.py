"""Measures, on this machine, the costs that the simulation of a fleet is fed with, and writes them to a file.

CPU times depend little on what else the machine does; what takes time without any CPU time does, so measure alone.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from fleet.costs import Costs, FeedCosts, LookCosts, StatementCost, StoreCosts, under_load, write_costs
from fleet.dask_costs import measure_dask
from fleet.notify_costs import measure_connection_mib, measure_notifications
from fleet.server_costs import bytes_of_a_run, measure_followers, measure_server
from fleet.store_costs import DatabaseMeter, measure_looks, measure_store, typical
from postgres_server import RunningPostgres, running_postgres
from servers import HERE

from kedro_asgi.dispatch.stores.postgres import PostgresStore
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from projects import write_project

COSTS = HERE / "fleet" / "costs.json"
_WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8"


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=COSTS, help="file to write")
    parser.add_argument("--runs", type=int, default=400, help="runs of each load")
    arguments = parser.parse_args()
    with running_postgres() as postgres:
        costs = measure_costs(postgres, runs=arguments.runs)
    write_costs(arguments.into, costs)
    print(f"Wrote {arguments.into}.")


def measure_costs(postgres: RunningPostgres, *, runs: int) -> Costs:
    """Measure all costs, with a database of this machine."""
    rounds = max(runs // 20, 5)
    store, look, feed = _database_costs(postgres, rounds=rounds)
    with tempfile.TemporaryDirectory() as name:
        project = write_project(Path(name) / "project", engine="kedro_asgi")
        url = postgres.new_database("costs_of_servers")
        server = measure_server(project, postgres, url, store, runs=runs)
        run_bytes = bytes_of_a_run(url)
        followers = measure_followers(project, url, runs=runs // 4)
        dask = measure_dask(project, runs=runs // 2)
    return Costs(
        machine=f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        sqlite=_sqlite_costs(rounds=rounds),
        postgres=under_load(store, server),
        server=server,
        look=look,
        feed=feed,
        follower=followers,
        notify=measure_notifications(postgres, times=runs // 2),
        dask=dask,
        connection_mib=measure_connection_mib(postgres),
        run_bytes=run_bytes,
    )


@contextmanager
def measured_store(postgres: RunningPostgres, name: str) -> Iterator[tuple[PostgresStore, DatabaseMeter]]:
    """Open a store in a new database, with what measures its transactions."""
    store = PostgresStore(postgres.new_database(name))
    store.open("measured")
    try:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            yield store, DatabaseMeter(cpu_seconds=postgres.cpu_seconds, wal_bytes=lambda: _wal_bytes(connection))
    finally:
        store.close()


def _database_costs(postgres: RunningPostgres, *, rounds: int) -> tuple[StoreCosts, LookCosts, FeedCosts]:
    with measured_store(postgres, "costs_of_transactions") as (store, meter):
        transactions = measure_store(store, meter, rounds=rounds)
        feed = _feed_costs(store, meter, rounds=rounds)
        return transactions, measure_looks(store, meter, rounds=rounds), feed


def _feed_costs(store: PostgresStore, meter: DatabaseMeter, *, rounds: int) -> FeedCosts:
    last = store.last_position()
    look = typical([meter.measure(lambda: store.events_after(last, limit=500)) for _ in range(rounds)])
    most = min(500, last)
    many = typical([meter.measure(lambda: store.events_after(last - most, limit=500)) for _ in range(rounds)])
    batch = StatementCost(
        client_us=(many.client_us - look.client_us) / most, database_us=(many.database_us - look.database_us) / most
    )
    return FeedCosts(look=look, batch=batch)


def _sqlite_costs(*, rounds: int) -> StoreCosts:
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "runs.db")
        store.open("measured")
        try:
            return measure_store(store, DatabaseMeter(), rounds=rounds)
        finally:
            store.close()


def _wal_bytes(connection: "psycopg.Connection[tuple[float]]") -> float:
    row = connection.execute(_WAL).fetchone()
    assert row is not None
    return row[0]


if __name__ == "__main__":
    main()
