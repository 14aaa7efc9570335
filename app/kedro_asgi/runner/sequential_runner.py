"""Run nodes one after another in the calling thread."""

from kedro_asgi.runner.runner import AbstractRunner


class SequentialRunner(AbstractRunner):
    """Runs nodes in topological order; ``is_async`` loads and saves a node's datasets at a time."""

    def _get_executor(self, max_workers: int) -> None:
        return None
