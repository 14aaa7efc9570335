"""A runner whose class the project derived from one of Kedro's."""

from concurrent.futures import Executor
from typing import Any

from kedro_asgi.hooks import HookManager
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.runner.runner import AbstractRunner
from kedro_asgi.runner.task import bound_hooks


class KedroRunner(AbstractRunner):
    """Lets ``kedro_runner`` run our pipelines and catalogs, which have the methods of Kedro's.

    Such a run has no events of nodes, and cannot be cancelled between nodes.
    """

    def __init__(self, kedro_runner: Any) -> None:
        super().__init__()
        self.kedro_runner = kedro_runner

    def run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: HookManager = None,
        run_id: str | None = None,
        only_missing_outputs: bool = False,
    ) -> dict[str, Any]:
        # Kedro 1.0 does not know the last argument.
        more = {"only_missing_outputs": True} if only_missing_outputs else {}
        result: dict[str, Any] = self.kedro_runner.run(
            pipeline, catalog, hook_manager=bound_hooks(hook_manager).manager, run_id=run_id, **more
        )
        return result

    def _get_executor(self, max_workers: int) -> Executor | None:
        executor: Executor | None = self.kedro_runner._get_executor(max_workers)
        return executor
