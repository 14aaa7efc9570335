"""Run nodes one after another in the calling thread."""

from kedro_asgi.hooks import HookManager
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.runner.base import AbstractRunner


class SequentialRunner(AbstractRunner):
    """Runs nodes in topological order; ``is_async`` loads and saves a node's datasets at a time (RUN-21)."""

    def _run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: HookManager = None,
        run_id: str | None = None,
    ) -> None:
        super()._run(pipeline, catalog, hook_manager, run_id)

    def _get_executor(self, max_workers: int) -> None:
        return None
