"""Run the functions of nodes in other processes."""

import multiprocessing
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from kedro_asgi.errors import UnpicklableNodesError
from kedro_asgi.hooks import RunHooks
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.runner.base import AbstractRunner, HookManager
from kedro_asgi.runner.graph import run_graph, worker_count
from kedro_asgi.runner.release import Releases
from kedro_asgi.runner.task import Task, call_node

_MAX_WORKERS_ON_WINDOWS = 61
_CONTEXTS = ("fork", "spawn", "forkserver")


class ParallelRunner(AbstractRunner):
    """Runs nodes that do not depend on each other at a time, in up to ``max_workers`` processes.

    Only a node's function crosses into a child process, with its inputs and its result; datasets are loaded and
    saved, and hooks are called, in this process (Q-31, Q-32). Children are spawned (Q-41), or started as
    ``KEDRO_MP_CONTEXT`` says (RUN-42). Raises `UnpicklableNodesError` for functions that cannot be sent.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        super().__init__(is_async=is_async)
        self._max_workers = worker_count(max_workers)
        if os.name == "nt":
            self._max_workers = min(self._max_workers, _MAX_WORKERS_ON_WINDOWS)

    def _run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: HookManager = None,
        run_id: str | None = None,
    ) -> None:
        _check_nodes(pipeline)
        hooks = RunHooks.of(hook_manager)
        with self._get_executor(self._max_workers) as processes, ThreadPoolExecutor(self._max_workers) as threads:

            def calling(node: Node, inputs: dict[str, Any]) -> Any:
                result = processes.submit(_call, node, inputs).result()
                return (chunk for chunk in result) if node.is_generator else result

            def execute(node: Node) -> Node:
                return Task(node, catalog, hooks, run_id, is_async=self._is_async, calling=calling).execute()

            run_graph(pipeline, execute, threads, Releases(pipeline, catalog))

    def _get_executor(self, max_workers: int) -> ProcessPoolExecutor:
        method = os.environ.get("KEDRO_MP_CONTEXT", "spawn")
        context = multiprocessing.get_context(method if method in _CONTEXTS else "spawn")
        return ProcessPoolExecutor(max_workers=max_workers, mp_context=context)


def _call(node: Node, inputs: dict[str, Any]) -> Any:
    """Call the node in the child; a generator is drawn here, since it cannot be sent back."""
    result = call_node(node, inputs)
    return list(result) if node.is_generator and isinstance(result, Iterator) else result


def _check_nodes(pipeline: Pipeline) -> None:
    if unpicklable := [node for node in pipeline.nodes if not _is_picklable(node)]:
        raise UnpicklableNodesError([repr(node) for node in unpicklable])


def _is_picklable(node: Node) -> bool:
    try:
        pickle.dumps(node)
    except Exception:
        return False
    return True
