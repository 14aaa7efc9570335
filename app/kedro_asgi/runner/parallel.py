"""Run the functions of nodes in other processes."""

import copy
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

from kedro_asgi.errors import UnpicklableNodesError
from kedro_asgi.hooks import RunHooks
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.runner.base import AbstractRunner, HookManager
from kedro_asgi.runner.crossing import packed, unpacked
from kedro_asgi.runner.graph import run_graph, worker_count, workers_for
from kedro_asgi.runner.processes import MAX_WORKERS_ON_WINDOWS, Processes
from kedro_asgi.runner.release import Releases
from kedro_asgi.runner.task import Task, call_node


class ParallelRunner(AbstractRunner):
    """Runs nodes that do not depend on each other at a time, in up to ``max_workers`` processes.

    Only a node's function crosses into another process, with its inputs and its result; datasets are loaded and saved,
    and hooks are called, in this process (Q-31, Q-32), so any dataset will do. An ``async def`` node is awaited here,
    on the host's loop. A session lends the processes that it keeps; a runner used by itself has its own for each run.
    Raises `UnpicklableNodesError` and `UnserialisableDataError` for what cannot be sent, `WorkerDiedError` where a
    process is killed.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        super().__init__(is_async=is_async)
        self._max_workers = worker_count(max_workers)
        if os.name == "nt":
            self._max_workers = min(self._max_workers, MAX_WORKERS_ON_WINDOWS)
        self._lent: Processes | None = None

    def using(self, processes: Processes) -> Self:
        runner = copy.copy(self)
        runner._lent = processes
        return runner

    def _run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: HookManager = None,
        run_id: str | None = None,
    ) -> None:
        _check_nodes(pipeline)
        hooks = RunHooks.of(hook_manager)
        workers = workers_for(pipeline, self._max_workers)
        with self._processes() as processes, self._get_executor(workers) as threads:

            def calling(node: Node, inputs: dict[str, Any]) -> Any:
                if node.is_async:
                    return call_node(node, inputs)
                answer = processes.call(node, packed(node, inputs), workers=workers)
                result = unpacked(answer).value()
                return (chunk for chunk in result) if node.is_generator else result

            def execute(node: Node) -> Node:
                return Task(node, catalog, hooks, run_id, is_async=self._is_async, calling=calling).execute()

            run_graph(pipeline, execute, threads, Releases(pipeline, catalog))

    @contextmanager
    def _processes(self) -> Iterator[Processes]:
        if self._lent is not None:
            yield self._lent
            return
        own = Processes()
        try:
            yield own
        finally:
            own.close()

    def _get_executor(self, max_workers: int) -> ThreadPoolExecutor:
        """One thread waits for each process."""
        return ThreadPoolExecutor(max_workers=max_workers, thread_name_prefix="kedro-asgi-process")


def _check_nodes(pipeline: Pipeline) -> None:
    if unpicklable := [node for node in pipeline.nodes if not (node.is_async or _is_picklable(node))]:
        raise UnpicklableNodesError([repr(node) for node in unpicklable])


def _is_picklable(node: Node) -> bool:
    try:
        pickle.dumps(node)
    except Exception:
        return False
    return True
