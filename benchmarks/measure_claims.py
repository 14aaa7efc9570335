"""What do fair shares add to a claim, for a hundred and for a thousand runs that wait?

A server claims one run and returns it, in turns by the order of promises and by the callers' shares. The CPU time is
that of PostgreSQL's processes, for the claim alone; the runs are of ten callers.
"""

import statistics
from collections.abc import Iterator

import msgspec
from fleet.store_costs import DatabaseMeter, Measured, new_runs
from harness import Options, Row, read_options, write
from measure_fleet import measured_store
from postgres_server import running_postgres

from kedro_asgi.dispatch.stores.postgres import PostgresStore

WAITING = (100, 1000)
_CALLERS = 10
_OWNER = "claims"
# Later than any promise.
_NOW_MS = 2**43


def main() -> None:
    """Measure and print."""
    options = read_options(__doc__)
    with running_postgres() as postgres:
        rows = []
        for waiting in WAITING:
            with measured_store(postgres, f"claims_of_{waiting}") as (store, meter):
                rows += _measured(store, meter, waiting, options)
    write("fair_shares", "the claim of a run", rows)


def _measured(store: PostgresStore, meter: DatabaseMeter, waiting: int, options: Options) -> Iterator[Row]:
    store.write(
        [
            msgspec.structs.replace(run.next_write(), owner=None, caller=f"caller-{number % _CALLERS}")
            for number, run in enumerate(new_runs(waiting))
        ]
    )
    found: dict[bool, list[Measured]] = {False: [], True: []}
    for _ in range(options.pick(quick=20, full=300)):
        for by_caller, measured in found.items():
            measured.append(_claim(store, meter, by_caller=by_caller))
    for by_caller, measured in found.items():
        yield {
            "waiting": waiting,
            "side": "fair shares" if by_caller else "order of promises",
            "database_ms": statistics.median(one.database_us for one in measured) / 1000,
            "wall_ms": statistics.median(one.wall_us for one in measured) / 1000,
        }


def _claim(store: PostgresStore, meter: DatabaseMeter, *, by_caller: bool) -> Measured:
    measured = meter.measure(
        lambda: store.claim_runs(_OWNER, limit=1, max_owned=None, now_ms=_NOW_MS, by_caller=by_caller)
    )
    claimed = sorted(store.owned_runs(_OWNER))
    assert len(claimed) == 1
    store.return_runs(claimed, owner=_OWNER)
    return measured


if __name__ == "__main__":
    main()
