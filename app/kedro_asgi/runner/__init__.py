"""Run pipelines: one contract, one module for each way of running."""

from typing import TYPE_CHECKING

from kedro_asgi.runner.runner import AbstractRunner as AbstractRunner
from kedro_asgi.runner.sequential_runner import SequentialRunner as SequentialRunner
from kedro_asgi.runner.task import Task as Task
from kedro_asgi.runner.thread_runner import ThreadRunner as ThreadRunner

if TYPE_CHECKING:
    from kedro_asgi.runner.parallel_runner import ParallelRunner as ParallelRunner
else:

    def __getattr__(name: str) -> type[AbstractRunner]:
        # Few runs use processes, and the modules that start them take 8 ms to import.
        if name == "ParallelRunner":
            from kedro_asgi.runner.parallel_runner import ParallelRunner

            return ParallelRunner
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
