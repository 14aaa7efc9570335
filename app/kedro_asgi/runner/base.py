"""The contract of all runners."""

import logging
from abc import ABC, abstractmethod
from concurrent.futures import Executor
from time import perf_counter
from typing import Any

import msgspec

from kedro_asgi.errors import UnmetInputsError
from kedro_asgi.hooks import HookManager, RunHooks
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.runner.async_nodes import RunLoop
from kedro_asgi.runner.graph import run_graph, run_in_order, workers_for
from kedro_asgi.runner.missing_outputs import without_existing_outputs
from kedro_asgi.runner.processes import Processes
from kedro_asgi.runner.progress import Progress
from kedro_asgi.runner.release import Releases
from kedro_asgi.runner.task import Task

_log = logging.getLogger(__name__)


class AbstractRunner(ABC):
    """Runs the nodes of a pipeline on a catalog.

    Promises of every runner: a node runs after all nodes that it depends on, and once; the exception of the
    node that failed first is raised as it was; after a failure no further node starts (Q-30); a dataset is
    released when its last consumer is done (RUN-28). A runner holds no state of a run, so one instance may
    serve many runs at a time.

    A subclass says in `_get_executor` what nodes run on, and calls `_run` of this class, or does it all itself.
    """

    _has_async_mode = True
    _max_workers = 1

    def __init__(self, is_async: bool = False) -> None:
        self._is_async = is_async

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(type(self).__module__)

    def run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: HookManager = None,
        run_id: str | None = None,
        only_missing_outputs: bool = False,
    ) -> dict[str, Any]:
        """Run ``pipeline`` and return its free outputs by name, as datasets (RUN-6, RUN-10).

        Raises `UnmetInputsError` for free inputs that are in no catalog, before any node runs.
        """
        started = perf_counter()
        if only_missing_outputs:
            pipeline = without_existing_outputs(pipeline, catalog)
        _check_inputs(pipeline, catalog)
        catalog.prepare(pipeline.datasets())
        self._say_mode()
        progress = Progress(pipeline)
        hooks = msgspec.structs.replace(RunHooks.of(hook_manager), completed=progress.completed)
        try:
            with RunLoop():
                self._run(pipeline, catalog, hooks, run_id)
        except Exception:
            progress.hint(catalog)
            raise
        _log.info("Pipeline execution completed successfully in %.1f sec.", perf_counter() - started)
        return {name: catalog[name] for name in pipeline.outputs()}

    def using(self, processes: Processes) -> "AbstractRunner":
        """Return a runner that does the same with ``processes``, which its session keeps; most need none."""
        return self

    def _say_mode(self) -> None:
        if not self._has_async_mode:
            return
        if self._is_async:
            _log.info("Asynchronous mode is enabled for loading and saving data.")
        else:
            _log.info("Using synchronous mode for loading and saving data. '--async' does it all at a time.")

    @abstractmethod
    def _run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: HookManager = None,
        run_id: str | None = None,
    ) -> None:
        """Run the nodes on what `_get_executor` returns; every dataset of ``pipeline`` is in ``catalog``."""
        hooks, is_async = RunHooks.of(hook_manager), self._is_async

        def execute(node: Node) -> None:
            Task(node, catalog, is_async, hooks, run_id).execute()

        releases = Releases(pipeline, catalog)
        executor = self._get_executor(workers_for(pipeline, self._max_workers))
        if executor is None:
            run_in_order(pipeline, execute, releases)
            return
        with executor:
            run_graph(pipeline, execute, executor, releases)

    @abstractmethod
    def _get_executor(self, max_workers: int) -> Executor | None:
        """Return an executor of threads that nodes are submitted to, or ``None`` to run them in the calling one."""


def _check_inputs(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Look before anything is registered, so that a second try fails in the same way (RUN-8, Q-27)."""
    if unmet := [name for name in pipeline.inputs() if name not in catalog]:
        # Not type(): a catalog of the project's own tells its name through ours.
        raise UnmetInputsError(unmet, catalog.__class__.__name__)
