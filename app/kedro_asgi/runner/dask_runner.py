"""Run nodes on the workers of a Dask cluster."""

import copy
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self

import msgspec

from kedro_asgi.hooks import HookManager, RunHooks
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.runner.cluster.cluster import Cluster
from kedro_asgi.runner.cluster.cluster_run import ClusterRun
from kedro_asgi.runner.cluster.node_runner import ClusterNodeRunner, TracedClusterNodeRunner
from kedro_asgi.runner.cluster.node_starts import NodeStarts
from kedro_asgi.runner.cluster.placement import Placement
from kedro_asgi.runner.cluster.source import ClusterSource
from kedro_asgi.runner.cluster.worker_setup import WorkerSetup
from kedro_asgi.runner.graph import run_graph, workers_for
from kedro_asgi.runner.runner import AbstractRunner
from kedro_asgi.runner.task import bound_hooks
from kedro_asgi.runner.worker_pool import WorkerPool

if TYPE_CHECKING:
    from distributed import Client

# A node that waits at its worker starts there when the one before it ends, without a round trip.
_NODES_PER_THREAD = 2


class DaskRunner(AbstractRunner):
    """Runs nodes that do not depend on each other at a time, on the workers of a Dask cluster.

    ``client`` is a Dask client of the caller's; else one is made for ``address`` and the ``client_args`` of Dask's
    ``Client``. Without an address, it is that of ``KEDRO_SERVER_DASK_SCHEDULER``, else that of the project's options,
    else that of Dask's configuration, else the client starts a local cluster. A session keeps its client until it is
    closed; a runner used by itself until `close`, or until nothing refers to it.

    Data in memory stays on the workers, which also load and save the datasets that can be pickled. Hooks run in this
    process; those that see data bring it here. No node runs twice but by its retries: if a worker is lost, the node
    that it runs fails, and so do nodes that need what it has in memory.

    Raises `ClusterUnreachableError`, and what `ParallelRunner` raises.
    """

    def __init__(
        self,
        address: str | None = None,
        client_args: Mapping[str, Any] | None = None,
        is_async: bool = False,
        *,
        client: "Client | None" = None,
    ) -> None:
        super().__init__(is_async=is_async)
        self._source = ClusterSource.of(client, address, client_args)
        self._pool = WorkerPool()
        # The pool of a runner used by itself has no processes; it only holds the cluster.
        self._end = weakref.finalize(self, self._pool.close)
        # Dask closes all its clients and clusters itself when the interpreter exits.
        self._end.atexit = False

    def using(self, pool: WorkerPool) -> Self:
        runner = copy.copy(self)
        runner._pool = pool
        return runner

    def close(self) -> None:
        """Close the client, and the local cluster that it may have started; a later run starts another."""
        self._pool.close()

    def _run(
        self, pipeline: Pipeline, catalog: DataCatalog, hook_manager: HookManager = None, run_id: str | None = None
    ) -> None:
        hooks = bound_hooks(hook_manager)
        starts = NodeStarts(hooks.emit)
        if hooks.emit is not None:
            hooks = msgspec.structs.replace(hooks, emit=starts)
        source = self._source.or_scheduler(self._pool.dask_scheduler)
        cluster = self._pool.resource(source.key, Cluster, source.open)
        placement = Placement(catalog, hooks)
        setup = WorkerSetup.current(self._pool.prepare).to_bytes()
        run = ClusterRun(cluster, pipeline.steps, catalog, placement, setup=setup)
        kind = ClusterNodeRunner if hooks.spans is None else TracedClusterNodeRunner
        nodes = kind(catalog, hooks, run_id, is_async=self._is_async, run=run, placement=placement, began=starts.began)
        workers = workers_for(pipeline, _NODES_PER_THREAD * cluster.thread_count())
        with closing(run), self._get_executor(workers) as executor:
            run_graph(
                pipeline.steps,
                nodes.run,
                executor,
                release=run.release,
                interrupt=run.interrupt,
                give_up=lambda: _give_up(hooks, run),
            )

    def _get_executor(self, max_workers: int) -> ThreadPoolExecutor:
        """One thread waits for each node."""
        return ThreadPoolExecutor(max_workers=max_workers, thread_name_prefix="kedro-asgi-cluster-node")


def _give_up(hooks: RunHooks, run: ClusterRun) -> None:
    """Let no node wait for a worker or for its next attempt."""
    run.withdraw()
    if hooks.retries is not None:
        hooks.retries.give_up()
