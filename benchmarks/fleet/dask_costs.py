"""Measures what a run on a Dask cluster costs its server, the scheduler and a worker."""

from contextlib import AsyncExitStack
from pathlib import Path

import anyio
from dask_sides import Cluster, call_in_turn, executing, running_cluster

from fleet.costs import DaskCosts

_CALLERS = 8


def measure_dask(project: Path, *, runs: int) -> DaskCosts:
    """Return the costs of an empty run beyond those of one in a thread, which the server has in any case."""
    with running_cluster(project) as cluster:
        return anyio.run(_measured, project, cluster, runs)


async def _measured(project: Path, cluster: Cluster, runs: int) -> DaskCosts:
    async with AsyncExitStack() as stack:
        on_cluster, in_threads = await executing(stack, project, cluster), await executing(stack, project, None)
        for call in (on_cluster, in_threads):
            await call_in_turn(cluster, call, _CALLERS, 30)
        there = await call_in_turn(cluster, on_cluster, _CALLERS, runs)
        here = await call_in_turn(cluster, in_threads, _CALLERS, runs)
    return DaskCosts(
        client_us=there["client_us"] - here["client_us"],
        scheduler_us=there["scheduler_us"],
        worker_us=there["worker_us"],
    )
