"""Deployments of all sizes at all rates: how busy their parts are, and what is full first."""

from collections.abc import Sequence
from typing import Any

import msgspec

from fleet.capacity import (
    Limit,
    feed_cores,
    limit,
    look_cores,
    notify_cores,
    statement_cores,
    transactions_per_second,
    wal_bytes_per_second,
)
from fleet.costs import Costs, Value
from fleet.deployment import Deployment, Workload
from fleet.simulation import Simulated, peak_arrivals, simulate

SIZES = (10, 30, 100, 300, 1000)
RUNS_A_DAY = 1e7
FOLLOWERS = 10**6
_RUN_SECONDS = 10.0
_MANY_SLOTS = 100_000
_DAY_SECONDS = 86_400
WORKLOAD = Workload(runs_a_day=RUNS_A_DAY, run_seconds=_RUN_SECONDS, followers=FOLLOWERS)


class Peak(Value):
    """A deployment in the busiest hour."""

    deployment: str
    servers: int
    databases: int
    per_second: float
    lock_share: float
    writing_share: float
    database_cores: float
    connections: int
    wal_mib_per_second: float


class Full(Value):
    """The rate at which a deployment is full."""

    deployment: str
    servers: int
    databases: int
    per_second: float
    runs_a_day: float
    part: str


class CoresOf(Value):
    """How many cores of one database are busy, by what they do, in the busiest hour."""

    servers: int
    statements: float
    cancels: float
    orphans: float
    feeds: float
    notifications: float


class Sweep(Value):
    """All figures."""

    peaks: Sequence[Peak]
    limits: Sequence[Full]
    cores: Sequence[CoresOf]


def deployments() -> dict[str, Deployment]:
    """Return the deployments that the documentation compares; slots fit the runs that go on in the busiest hour."""
    return {
        "10 servers": _deployment(10),
        "10 servers, Dask": _deployment(10, schedulers=1),
        "100 servers": _deployment(100),
        "100 servers, 4 databases": _deployment(100, databases=4),
        "1,000 servers": _deployment(1000),
        "1,000 servers, 10 databases": _deployment(1000, databases=10),
        "1,000 servers, 40 databases": _deployment(1000, databases=40),
    }


def sweep(costs: Costs, *, seconds: float) -> Sweep:
    """Return the figures of all deployments, from windows of so many simulated seconds."""
    return Sweep(
        peaks=[_peak(costs, name, deployment, seconds) for name, deployment in deployments().items()],
        limits=[_full(costs, name, deployment) for name, deployment in deployments().items()],
        cores=[_cores(costs, size) for size in SIZES],
    )


def _deployment(servers: int, **more: Any) -> Deployment:
    going = WORKLOAD.peak_per_second * _RUN_SECONDS
    slots = max(round(2 * going / servers), 8)
    return Deployment(replicas=servers, slots=slots, database_cores=16, is_notified=True, look_seconds=5.0, **more)


def _peak(costs: Costs, name: str, deployment: Deployment, seconds: float) -> Peak:
    found = simulate(costs, deployment, WORKLOAD, peak_arrivals(WORKLOAD, deployment, seconds=seconds))
    return Peak(
        deployment=name,
        servers=deployment.replicas,
        databases=deployment.databases,
        per_second=WORKLOAD.peak_per_second,
        lock_share=found.lock_share,
        writing_share=found.writing_share,
        database_cores=_busy_cores(costs, deployment, found),
        connections=deployment.connections,
        wal_mib_per_second=found.wal_bytes_per_second / 2**20,
    )


def _busy_cores(costs: Costs, deployment: Deployment, found: Simulated) -> float:
    """Return how many cores of a database are busy, with what goes on all the time."""
    each = WORKLOAD.peak_per_second / deployment.databases
    background = look_cores(costs, deployment) + feed_cores(costs, deployment, WORKLOAD, each)
    return background + found.database_share * max(deployment.database_cores - background, 0.0)


def _full(costs: Costs, name: str, deployment: Deployment) -> Full:
    # There are as many slots as runs need.
    found: Limit = limit(costs, msgspec.structs.replace(deployment, slots=_MANY_SLOTS), WORKLOAD)
    peak = WORKLOAD.peak_per_second / WORKLOAD.mean_per_second
    return Full(
        deployment=name,
        servers=deployment.replicas,
        databases=deployment.databases,
        per_second=found.per_second,
        runs_a_day=found.per_second / peak * _DAY_SECONDS,
        part=found.part,
    )


def _cores(costs: Costs, servers: int) -> CoresOf:
    deployment = _deployment(servers)
    rate = WORKLOAD.peak_per_second
    transactions = transactions_per_second(costs, deployment, rate)
    alone = msgspec.structs.replace(deployment, orphan_seconds=1e9)
    cancels = look_cores(costs, alone)
    return CoresOf(
        servers=servers,
        statements=statement_cores(costs, rate, transactions),
        cancels=cancels,
        orphans=look_cores(costs, deployment) - cancels,
        feeds=feed_cores(costs, deployment, WORKLOAD, rate),
        notifications=notify_cores(costs, deployment, transactions),
    )


def wal_a_day(costs: Costs, runs_a_day: float) -> float:
    """Return how many bytes of write-ahead log the runs of a day make."""
    return wal_bytes_per_second(costs, runs_a_day / _DAY_SECONDS) * _DAY_SECONDS
