"""Run nodes one after another in the calling thread."""

from kedro_asgi.hooks import RunHooks
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.runner.base import AbstractRunner, HookManager
from kedro_asgi.runner.release import Releases
from kedro_asgi.runner.task import Task


class SequentialRunner(AbstractRunner):
    """Runs nodes in topological order; ``is_async`` loads and saves a node's datasets at a time (RUN-21)."""

    def _run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: HookManager = None,
        run_id: str | None = None,
    ) -> None:
        hooks = RunHooks.of(hook_manager)
        releases = Releases(pipeline, catalog)
        for node in pipeline.nodes:
            Task(node, catalog, hooks, run_id, is_async=self._is_async).execute()
            releases.after(node)

    def _get_executor(self, max_workers: int) -> None:
        return None
