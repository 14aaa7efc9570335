"""Run nodes in threads of this process."""

import warnings
from concurrent.futures import ThreadPoolExecutor

from kedro_asgi.hooks import RunHooks
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.runner.base import AbstractRunner, HookManager
from kedro_asgi.runner.graph import run_graph, worker_count, workers_for
from kedro_asgi.runner.release import Releases
from kedro_asgi.runner.task import Task


class ThreadRunner(AbstractRunner):
    """Runs nodes that do not depend on each other at a time, in up to ``max_workers`` threads."""

    _has_async_mode = False

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        if is_async:
            warnings.warn(
                "'ThreadRunner' doesn't support loading and saving the node inputs and outputs asynchronously, "
                "as its nodes run in threads already. 'is_async' is ignored.",
                UserWarning,
                stacklevel=2,
            )
        super().__init__(is_async=False)
        self._max_workers = worker_count(max_workers)

    def _run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: HookManager = None,
        run_id: str | None = None,
    ) -> None:
        hooks = RunHooks.of(hook_manager)

        def execute(node: Node) -> Node:
            return Task(node, catalog, hooks, run_id).execute()

        with self._get_executor(workers_for(pipeline, self._max_workers)) as executor:
            run_graph(pipeline, execute, executor, Releases(pipeline, catalog))

    def _get_executor(self, max_workers: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=max_workers, thread_name_prefix="kedro-asgi-node")
