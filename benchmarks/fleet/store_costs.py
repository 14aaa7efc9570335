"""Measures the transactions of a store: runs are promised, started and ended in groups of several sizes."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from fleet.costs import GroupCost, LookCosts, StatementCost, StoreCosts, Value
from kedro_asgi.dispatch.active_run import end_of
from kedro_asgi.dispatch.messages import RunAdmitted, RunChanged
from kedro_asgi.dispatch.pending_write import PendingWrite, WriteOptions
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.dispatch.waiting_order import pack
from kedro_asgi.events import DatasetSaved, NodeFinished, NodeStarted, RunPlanned, RunQueued, RunStarted
from kedro_asgi.run_ids import RunIds
from kedro_asgi.runs import RunOrder, RunRecord, RunSpec

SIZES = (1, 2, 8, 32)
_OWNER = "measured"
_IDS = RunIds()
_NUMBERS = itertools.count()


class Measured(Value):
    """The time that one transaction took."""

    client_us: float
    database_us: float
    wall_us: float
    wal_bytes: float


class DatabaseMeter(Value):
    """How to ask a database for the CPU time of its side, in seconds, and for the length of its write-ahead log."""

    cpu_seconds: Callable[[], float] = lambda: 0.0
    wal_bytes: Callable[[], float] = lambda: 0.0

    def measure(self, work: Callable[[], object]) -> Measured:
        """Return what ``work`` takes."""
        wal, database, client, wall = self.wal_bytes(), self.cpu_seconds(), time.thread_time(), time.perf_counter()
        work()
        wall, client = time.perf_counter() - wall, time.thread_time() - client
        database, wal = self.cpu_seconds() - database, self.wal_bytes() - wal
        return Measured(client_us=client * 1e6, database_us=database * 1e6, wall_us=wall * 1e6, wal_bytes=wal)


class StoreMeasurement:
    """Measures transactions of an open store, as often as it is asked to."""

    def __init__(self, store: Store, meter: DatabaseMeter) -> None:
        self._store = store
        self._meter = meter
        self._found: dict[str, dict[int, list[Measured]]] = {name: {size: [] for size in SIZES} for name in _STEPS}

    def measure(self, rounds: int) -> None:
        """Measure groups of all sizes so many times."""
        for _ in range(rounds):
            for size in SIZES:
                runs = list(new_runs(size))
                for name, step in _STEPS.items():
                    for run in runs:
                        step(run)
                    self._found[name][size].append(self._meter.measure(lambda runs=runs: _write(self._store, runs)))

    def costs(self) -> StoreCosts:
        """Return the costs by all that was measured."""
        waits = [wait_of(one) for by_size in self._found.values() for one in by_size[1]]
        quantiles = statistics.quantiles(waits, n=100, method="inclusive")
        fitted = {name: _fitted(by_size) for name, by_size in self._found.items()}
        return StoreCosts(**fitted, waits_us=tuple(max(wait, 0.0) for wait in quantiles))


def measure_store(store: Store, meter: DatabaseMeter, *, rounds: int) -> StoreCosts:
    """Return the costs of an open store."""
    measurement = StoreMeasurement(store, meter)
    measurement.measure(rounds)
    return measurement.costs()


def measure_looks(store: Any, meter: DatabaseMeter, *, rounds: int) -> LookCosts:
    """Return the costs of looks of an open store, with so few other owners of running runs that each look is a whole
    one, and with so many that most are left to others.
    """
    cancels = [meter.measure(lambda: store.requested_cancels(_OWNER)) for _ in range(rounds)]
    by_owners: dict[int, list[Measured]] = {}
    for count in (0, 6, 20):
        _add_owners(store, count - max(by_owners, default=0))
        by_owners[count] = [meter.measure(lambda: store.orphaned_runs(_OWNER, limit=0)) for _ in range(rounds)]
    looks = _fitted(by_owners)
    _add_owners(store, 2000)
    left = [meter.measure(lambda: store.orphaned_runs(_OWNER, limit=0)) for _ in range(rounds)]
    return LookCosts(cancel=typical(cancels), orphans=looks.fixed, owner=looks.row, renewal=typical(left))


def _add_owners(store: Store, count: int) -> None:
    """Add runs of so many workers."""
    writes = [msgspec.structs.replace(run.next_write(), owner=f"other-{next(_NUMBERS)}") for run in new_runs(count)]
    store.write(writes)


def wait_of(measured: Measured) -> float:
    """Return the time in which neither side worked."""
    return measured.wall_us - measured.client_us - measured.database_us


def typical(measured: Sequence[Measured]) -> StatementCost:
    """Return the medians."""
    return StatementCost(
        client_us=statistics.median(one.client_us for one in measured),
        database_us=statistics.median(one.database_us for one in measured),
        wait_us=max(statistics.median(map(wait_of, measured)), 0.0),
        wal_bytes=statistics.median(one.wal_bytes for one in measured),
    )


def _fitted(by_size: Mapping[int, Sequence[Measured]]) -> GroupCost:
    """Return the line through the typical costs of all sizes."""
    costs = {size: msgspec.structs.asdict(typical(measured)) for size, measured in by_size.items()}
    names = StatementCost.__struct_fields__
    lines = {name: statistics.linear_regression(list(costs), [cost[name] for cost in costs.values()]) for name in names}
    return GroupCost(
        fixed=StatementCost(**{name: max(line.intercept, 0.0) for name, line in lines.items()}),
        row=StatementCost(**{name: max(line.slope, 0.0) for name, line in lines.items()}),
    )


def new_runs(count: int) -> Iterator[PendingWrite]:
    """Yield so many new runs that are promised, and not yet in the store."""
    order = pack(RunOrder(spec=RunSpec(runtime_params={"a": 10})), is_from_json=True)
    for _ in range(count):
        run_id = _IDS.next()
        record = RunRecord(run_id=run_id, status="queued", created_at=datetime.now(UTC), request={"params": {"a": 10}})
        event = RunQueued(run_id=run_id)
        admitted = RunAdmitted(record=record, order=order, is_promised=True, event=event)
        yield PendingWrite(admitted, WriteOptions(owner=_OWNER, keep_order_bytes=Policy().keep_order_bytes))


def _promise(run: PendingWrite) -> None:
    """Leave the run as it is: it is new."""


def _start(run: PendingWrite) -> None:
    now = datetime.now(UTC)
    record = msgspec.structs.replace(run.record, status="running", started_at=now)
    run.change(RunChanged(record=record, event=RunStarted(run_id=record.run_id)))


def _end(run: PendingWrite) -> None:
    run_id = run.record.run_id
    run.take([RunPlanned(run_id=run_id, nodes=2), *_events_of_node(run_id, "add"), *_events_of_node(run_id, "double")])
    run.change(end_of(run.record, "success"))


def _events_of_node(run_id: str, node: str) -> list[Any]:
    return [
        NodeStarted(run_id=run_id, node=node),
        DatasetSaved(run_id=run_id, dataset="s", node=node, is_kept=False),
        NodeFinished(run_id=run_id, node=node, duration_ms=0.01),
    ]


_STEPS: Mapping[str, Callable[[PendingWrite], None]] = {"promise": _promise, "start": _start, "end": _end}


def _write(store: Store, runs: Sequence[PendingWrite], *, owner: str = _OWNER) -> None:
    writes = [msgspec.structs.replace(run.next_write(), owner=owner) for run in runs]
    for run, write, result in zip(runs, writes, store.write(writes), strict=True):
        if run.settle(write, result).result != "stored":
            raise SystemExit(f"A run was not stored: {result}.")
