"""Run nodes in threads of this process."""

import warnings
from concurrent.futures import ThreadPoolExecutor

from kedro_asgi.runner.graph import worker_count
from kedro_asgi.runner.runner import AbstractRunner


class ThreadRunner(AbstractRunner):
    """Runs nodes that do not depend on each other at a time, in up to ``max_workers`` threads."""

    _has_async_mode = False

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        if is_async:
            warnings.warn(
                "'ThreadRunner' doesn't support loading and saving the node inputs and outputs asynchronously with "
                "threads. Setting 'is_async' to False.",
                UserWarning,
                stacklevel=2,
            )
        super().__init__(is_async=False)
        self._max_workers = worker_count(max_workers)

    def _get_executor(self, max_workers: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=max_workers, thread_name_prefix="kedro-asgi-node")
