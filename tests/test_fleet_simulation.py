"""The simulation of a fleet follows each run to its one end, and agrees with the limits that need no simulation."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import simpy

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from fleet.capacity import busy, limit, lock_seconds, look_cores
from fleet.costs import (
    Costs,
    DaskCosts,
    FeedCosts,
    FollowerCosts,
    GroupCost,
    LookCosts,
    NotifyCosts,
    ServerCosts,
    StatementCost,
    StoreCosts,
    read_costs,
    write_costs,
)
from fleet.deployment import Deployment, Workload
from fleet.machine import Interpreter, Machine, Place, Thread
from fleet.simulation import Arrivals, peak_arrivals, simulate

_GROUP = GroupCost(
    fixed=StatementCost(client_us=300, database_us=300, wait_us=300, wal_bytes=100),
    row=StatementCost(client_us=100, database_us=80, wait_us=20, wal_bytes=1000),
)
_STORE = StoreCosts(promise=_GROUP, start=_GROUP, end=_GROUP)
_LOOK = StatementCost(client_us=170, database_us=160)
COSTS = Costs(
    machine="none",
    sqlite=_STORE,
    postgres=_STORE,
    server=ServerCosts(loop_us=200, run_us=150, writer_us=90, load_us=30),
    look=LookCosts(cancel=_LOOK, orphans=_LOOK, owner=StatementCost(client_us=36, database_us=36), renewal=_LOOK),
    feed=FeedCosts(look=_LOOK, batch=StatementCost(client_us=10, database_us=5)),
    follower=FollowerCosts(deliver_us=15, follower_kib=40, run_events=10, event_bytes=150),
    notify=NotifyCosts(fixed_us=40, listener_us=15),
)
EMPTY = Workload(runs_a_day=0, run_seconds=0.0)


def changed(deployment: Deployment, **changes: Any) -> Deployment:
    return msgspec.structs.replace(deployment, **changes)


@pytest.mark.parametrize("deployment", [{}, {"is_notified": True}, {"is_notified": True, "claimed_ahead": 64}])
@pytest.mark.parametrize("arrivals", [{"per_second": 200.0}, {"callers": 20}, {"burst": 100}])
def test_each_run_ends_once(deployment: dict[str, Any], arrivals: dict[str, Any]) -> None:
    found = simulate(COSTS, Deployment(replicas=3, slots=2, **deployment), EMPTY, Arrivals(seconds=0.5, **arrivals))
    assert found.arrived > 50
    assert found.are_all_ended_once


def test_the_same_seed_gives_the_same_figures() -> None:
    arrivals = Arrivals(seconds=1.0, per_second=200.0)
    first, again, other = (simulate(COSTS, Deployment(replicas=2), EMPTY, arrivals, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_a_busier_server_answers_later() -> None:
    deployment = Deployment(replicas=1, slots=64)
    waits = [
        simulate(COSTS, deployment, EMPTY, Arrivals(seconds=2.0, per_second=rate)).promise.p95_ms
        for rate in (50, 200, 400)
    ]
    assert waits == sorted(waits)


def test_runs_cannot_end_faster_than_the_lock_and_the_slots_allow() -> None:
    for slots in (1, 64):
        deployment = Deployment(replicas=4, slots=slots, network_us=500.0)
        most = limit(COSTS, deployment, EMPTY).per_second
        found = simulate(COSTS, deployment, EMPTY, Arrivals(seconds=2.0, callers=200))
        assert found.per_second <= 1.05 * most
        # One slot waits for the lock as long as all others have it.
        assert found.per_second > (0.1 if slots == 1 else 0.5) * most


def test_the_lock_is_as_busy_as_its_transactions_say() -> None:
    deployment = Deployment(replicas=1, slots=64, network_us=100.0)
    found = simulate(COSTS, deployment, EMPTY, Arrivals(seconds=4.0, per_second=150.0))
    # Its server prepares it before, for 300 µs.
    a_transaction = (300 + 300 + 100) * 1e-6
    each = 150 * (lock_seconds(COSTS) + 3 / found.rows_a_transaction * a_transaction)
    assert found.lock_share == pytest.approx(each, rel=0.1)


def test_cores_that_are_busy_elsewhere_make_everything_slower() -> None:
    one_machine = Deployment(replicas=1, is_one_machine=True, database_cores=2, network_us=0.0)
    arrivals = Arrivals(seconds=1.0, callers=24)
    alone = simulate(COSTS, one_machine, EMPTY, arrivals)
    beside = simulate(COSTS, changed(one_machine, busy_cores=1.0), EMPTY, arrivals)
    assert beside.per_second < 0.7 * alone.per_second


@pytest.mark.parametrize(("other_us", "begins_ms"), [(200.0, 10.0), (1000.0, 1.0)])
def test_a_thread_waits_for_the_core_that_it_had_while_its_data_are_there(other_us: float, begins_ms: float) -> None:
    env = simpy.Environment()
    machine = Machine(env, cores=2)
    place, long, short = Place(), Place(), Place()
    env.process(machine.work(10.0, place))
    env.run()
    # The core of the thread is taken for 10 ms, and the other one gets idle before.
    begun, long.core = env.now, place.core
    env.process(machine.work(10_000.0, long))
    env.process(machine.work(other_us, short))
    ended = []

    def wake() -> Iterator[simpy.Event]:
        yield env.timeout(100e-6)
        yield from machine.work(10.0, place)
        ended.append(env.now)

    env.process(wake())
    env.run()
    assert (ended[0] - begun) * 1000 == pytest.approx(begins_ms + 0.01)


def test_a_thread_goes_on_while_it_has_more_to_do_until_its_slice_is_over() -> None:
    env = simpy.Environment()
    machine = Machine(env, cores=1)
    interpreter = Interpreter(env, machine)
    busy, other = interpreter.thread(), Interpreter(env, machine).thread()
    order = []

    def do(thread: Thread, name: str) -> Iterator[simpy.Event]:
        yield from thread.work(800.0)
        order.append(name)

    for thread, name in [(busy, "first"), (other, "other"), (busy, "second"), (busy, "third")]:
        env.process(do(thread, name))
    env.run()
    assert order == ["first", "second", "other", "third"]
    assert machine.busy_seconds == pytest.approx(0.0032)


def test_a_collection_of_garbage_keeps_runs_waiting() -> None:
    server = msgspec.structs.replace(COSTS.server, collection_us=50_000, collection_runs=40)
    collecting = msgspec.structs.replace(COSTS, server=server)
    arrivals = Arrivals(seconds=4.0, per_second=50.0)
    alone, beside = (simulate(costs, Deployment(replicas=1), EMPTY, arrivals) for costs in (COSTS, collecting))
    assert beside.promise.p99_ms > alone.promise.p99_ms + 20
    assert beside.promise.p50_ms == pytest.approx(alone.promise.p50_ms, rel=0.1)


def test_a_request_that_comes_alone_wakes_the_event_loop() -> None:
    server = msgspec.structs.replace(COSTS.server, loop_alone_us=5_000)
    waking = msgspec.structs.replace(COSTS, server=server)
    deployment = Deployment(replicas=1)
    for arrivals, more_ms in [(Arrivals(seconds=2.0, per_second=10.0), 5.0), (Arrivals(seconds=0.5, callers=8), 0.0)]:
        without, found = (simulate(costs, deployment, EMPTY, arrivals) for costs in (COSTS, waking))
        assert found.end.p50_ms == pytest.approx(without.end.p50_ms + more_ms, abs=0.2)


def test_servers_write_or_wait_while_another_one_has_the_lock() -> None:
    found = simulate(COSTS, Deployment(replicas=4, slots=64), EMPTY, Arrivals(seconds=1.0, callers=200))
    assert found.lock_share / 4 < found.writing_share <= 1


def test_looks_for_orphans_grow_with_the_servers_and_not_with_their_square() -> None:
    ten, twenty, hundred, thousand = (look_cores(COSTS, Deployment(replicas=count)) for count in (10, 20, 100, 1000))
    assert twenty > 2.1 * ten
    assert thousand <= 10.5 * hundred


def test_a_scheduler_of_dask_limits_the_runs() -> None:
    costs = msgspec.structs.replace(COSTS, dask=DaskCosts(client_us=1000, scheduler_us=10_000, worker_us=2000))
    deployment = Deployment(replicas=4, slots=64, schedulers=1)
    assert limit(costs, deployment, EMPTY).part == "Dask's scheduler"
    found = simulate(costs, deployment, EMPTY, Arrivals(seconds=2.0, callers=200))
    assert found.per_second == pytest.approx(100, rel=0.05)
    assert found.are_all_ended_once


def test_a_full_part_is_named_and_more_databases_help() -> None:
    workload = Workload(runs_a_day=1e7, run_seconds=1.0)
    one = limit(COSTS, Deployment(replicas=40, slots=500), workload)
    four = limit(COSTS, Deployment(replicas=40, slots=500, databases=4), workload)
    assert one.part == "write lock"
    assert four.per_second == pytest.approx(4 * one.per_second, rel=0.05)
    assert max(busy(COSTS, Deployment(replicas=40, slots=500), workload, one.per_second).values()) == pytest.approx(1.0)


def test_a_day_has_its_runs_and_a_peak() -> None:
    workload = Workload(runs_a_day=1e7)
    assert sum(workload.per_second(hour) for hour in range(24)) * 3600 == pytest.approx(1e7)
    assert workload.peak_per_second == max(workload.per_second(hour) for hour in range(24))
    arrivals = peak_arrivals(workload, Deployment(replicas=10, databases=2), seconds=60.0)
    assert 60 * arrivals.per_second + arrivals.burst == pytest.approx(30 * workload.peak_per_second, rel=0.01)


def test_costs_survive_their_file(tmp_path: Path) -> None:
    write_costs(tmp_path / "costs.json", COSTS)
    assert read_costs(tmp_path / "costs.json") == COSTS
    (tmp_path / "costs.json").write_text("{}")
    with pytest.raises(msgspec.ValidationError, match="machine"):
        read_costs(tmp_path / "costs.json")
