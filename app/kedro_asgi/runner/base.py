"""The contract of all runners."""

import logging
from abc import ABC, abstractmethod
from concurrent.futures import Executor
from time import perf_counter
from typing import Any

import msgspec
import pluggy

from kedro_asgi.errors import UnmetInputsError
from kedro_asgi.hooks import RunHooks
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.runner.awaiting import own_loop
from kedro_asgi.runner.missing import without_existing_outputs
from kedro_asgi.runner.processes import Processes
from kedro_asgi.runner.progress import Progress

_log = logging.getLogger(__name__)

HookManager = pluggy.PluginManager | RunHooks | None


class AbstractRunner(ABC):
    """Runs the nodes of a pipeline on a catalog.

    Promises of every runner: a node runs after all nodes that it depends on, and once; the exception of the
    node that failed first is raised as it was; after a failure no further node starts (Q-30); a dataset is
    released when its last consumer is done (RUN-28). A runner holds no state of a run, so one instance may
    serve many runs at a time.
    """

    _has_async_mode = True

    def __init__(self, is_async: bool = False) -> None:
        self._is_async = is_async

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
            with own_loop():
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
        """Run the nodes; every dataset of ``pipeline`` is in ``catalog``."""

    @abstractmethod
    def _get_executor(self, max_workers: int) -> Executor | None:
        """Return what nodes are submitted to, or ``None`` to run them in the calling thread."""


def _check_inputs(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Look before anything is registered, so that a second try fails in the same way (RUN-8, Q-27)."""
    if unmet := [name for name in pipeline.inputs() if name not in catalog]:
        raise UnmetInputsError(unmet, type(catalog).__name__)
