"""The contract of all runners."""

from abc import ABC, abstractmethod
from concurrent.futures import Executor
from typing import Any

import pluggy

from kedro_asgi.errors import UnmetInputsError
from kedro_asgi.hooks import RunHooks
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.runner.missing import without_existing_outputs

HookManager = pluggy.PluginManager | RunHooks | None


class AbstractRunner(ABC):
    """Runs the nodes of a pipeline on a catalog.

    Promises of every runner: a node runs after all nodes that it depends on, and once; the exception of the
    node that failed first is raised as it was; after a failure no further node starts (Q-30); a dataset is
    released when its last consumer is done (RUN-28). A runner holds no state of a run, so one instance may
    serve many runs at a time.
    """

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
        hooks = RunHooks.of(hook_manager)
        if only_missing_outputs:
            pipeline = without_existing_outputs(pipeline, catalog)
        _check_inputs(pipeline, catalog)
        for name in pipeline.datasets():
            catalog.get(name, fallback_to_runtime_pattern=True)
        self._run(pipeline, catalog, hooks, run_id)
        return {name: catalog[name] for name in pipeline.outputs()}

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
