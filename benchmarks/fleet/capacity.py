"""The limits of a deployment without any queue: how busy each part is, and at which rate of runs one is full."""

from collections.abc import Mapping
from itertools import repeat

from fleet.costs import Costs, GroupCost, Value
from fleet.deployment import LOCKED_ROUND_TRIPS, Deployment, Workload
from kedro_asgi.dispatch.stores.sql import LOOKING_OWNERS

_US = 1e-6
# A part that is busier than this is full: queues grow without end a little above.
FULL = 1.0


class Limit(Value):
    """The rate at which a deployment is full, and the part that is."""

    per_second: float
    part: str


def lock_seconds(costs: Costs) -> float:
    """Return how long the transactions of a run hold the store's write lock when groups are large."""
    return sum(group.row.wall_us for group in _groups(costs)) * _US


def fixed_lock_seconds(costs: Costs, deployment: Deployment) -> float:
    """Return how long a transaction holds the write lock, whatever is in it: its server prepares it before."""
    trips_us = LOCKED_ROUND_TRIPS * deployment.network_us
    locked_us = sum(group.fixed.wall_us - group.fixed.client_us for group in _groups(costs)) / 3
    return (locked_us + trips_us) * _US


def look_cores(costs: Costs, deployment: Deployment) -> float:
    """Return how many cores of a database are busy with looks of servers that have nothing to do."""
    look, servers = costs.look, deployment.servers
    cancels = look.cancel.database_us / deployment.look_seconds
    # Of more servers, each looks by chance, and else only tells that it lives.
    looking = min(deployment.executing, LOOKING_OWNERS)
    whole = look.orphans.database_us + deployment.executing * look.owner.database_us
    orphans = (looking * whole + (servers - looking) * look.renewal.database_us) / deployment.orphan_seconds
    return (servers * cancels + orphans) * _US


def feed_cores(costs: Costs, deployment: Deployment, workload: Workload, per_second: float) -> float:
    """Return how many cores of a database are busy with the events that servers with followers read: all of them."""
    if not workload.followers:
        return 0.0
    readers = -(-deployment.replicas // deployment.databases)
    looks = costs.feed.look.database_us / deployment.feed_seconds
    return readers * (looks + 3 * per_second * costs.feed.batch.database_us) * _US


def notify_cores(costs: Costs, deployment: Deployment, transactions_per_second: float) -> float:
    """Return how many cores of a database are busy with telling all servers of each transaction."""
    if not deployment.is_notified:
        return 0.0
    each = costs.notify.fixed_us + deployment.servers * costs.notify.listener_us
    return transactions_per_second * each * _US


def statement_cores(costs: Costs, per_second: float, transactions_per_second: float) -> float:
    """Return how many cores of a database are busy with the transactions of runs."""
    rows_us = sum(group.row.database_us for group in _groups(costs))
    fixed_us = sum(group.fixed.database_us for group in _groups(costs)) / 3
    return (per_second * rows_us + transactions_per_second * fixed_us) * _US


def transactions_per_second(costs: Costs, deployment: Deployment, per_second: float) -> float:
    """Return how many transactions there are: one for each of a run's three writes, or fewer where the lock is busy."""
    free = 1 - per_second * lock_seconds(costs)
    return min(3 * per_second, max(free, 0.0) / fixed_lock_seconds(costs, deployment) if free > 0 else 0.0)


def busy(costs: Costs, deployment: Deployment, workload: Workload, per_second: float) -> Mapping[str, float]:
    """Return how busy each part is, 1 for full, where all runs of a second come evenly."""
    each = per_second / deployment.databases
    server = costs.server
    transactions = transactions_per_second(costs, deployment, each)
    driver_us = sum(group.row.client_us for group in _groups(costs))
    front_ends, executing = deployment.replicas / deployment.databases, deployment.executing
    run_us = _execution_us(costs, deployment) + server.writer_us + driver_us
    front_end_us = server.loop_us + (0 if deployment.workers else run_us)
    deliveries = _deliveries_per_second(costs, workload, per_second) / deployment.replicas
    reads = each * 3 * costs.feed.batch.client_us if workload.followers else 0.0
    wakes = transactions * server.wake_us if deployment.is_notified else 0.0
    found = {
        "write lock": each * lock_seconds(costs),
        "database's cores": (
            statement_cores(costs, each, transactions)
            + look_cores(costs, deployment)
            + feed_cores(costs, deployment, workload, each)
            + notify_cores(costs, deployment, transactions)
        )
        / max(deployment.database_cores - deployment.busy_cores, 1e-9),
        "servers' Python": (each / front_ends * front_end_us + reads + wakes + deliveries * costs.follower.deliver_us)
        * _US,
        "slots": each * (workload.run_seconds + _start_seconds(costs, deployment)) / (executing * deployment.slots),
    }
    if deployment.workers:
        found["workers' Python"] = (each / executing * run_us + wakes) * _US
    if deployment.schedulers and costs.dask is not None:
        found["Dask's scheduler"] = each * costs.dask.scheduler_us / deployment.schedulers * _US
    return found


def limit(costs: Costs, deployment: Deployment, workload: Workload) -> Limit:
    """Return the rate at which the first part is full; 0 where one is full without any run."""
    low, high = 0.0, 1e6
    for _ in repeat(None, 60):
        middle = (low + high) / 2
        if max(busy(costs, deployment, workload, middle).values()) < FULL:
            low = middle
        else:
            high = middle
    found = busy(costs, deployment, workload, high)
    return Limit(per_second=low, part=max(found, key=lambda part: found[part]))


def wal_bytes_per_second(costs: Costs, per_second: float) -> float:
    """Return how much write-ahead log the runs of a second make, in transactions of one run each."""
    return per_second * sum(group.fixed.wal_bytes + group.row.wal_bytes for group in _groups(costs))


def _execution_us(costs: Costs, deployment: Deployment) -> float:
    """Return what executing a run costs the process that has it: in a thread, or on a cluster."""
    if deployment.schedulers and costs.dask is not None:
        return costs.server.run_us + costs.dask.client_us
    return costs.server.run_us


def _deliveries_per_second(costs: Costs, workload: Workload, per_second: float) -> float:
    """Return how many events go to followers: each follows one of the runs that go on."""
    going = max(per_second * workload.run_seconds, 1.0)
    return per_second * costs.follower.run_events * workload.followers / going


def _start_seconds(costs: Costs, deployment: Deployment) -> float:
    """Return how long a run has a slot before it begins: until its start is on disk."""
    group = costs.postgres.start
    return (group.fixed.wall_us + LOCKED_ROUND_TRIPS * deployment.network_us + group.row.wall_us) * _US


def _groups(costs: Costs) -> tuple[GroupCost, ...]:
    return costs.postgres.promise, costs.postgres.start, costs.postgres.end
