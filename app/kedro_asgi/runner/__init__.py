"""Run pipelines: one contract, one module for each way of running."""

from typing import TYPE_CHECKING

from kedro_asgi.late_exports import late_exports

if TYPE_CHECKING:
    from kedro_asgi.runner.dask_runner import DaskRunner as DaskRunner
    from kedro_asgi.runner.parallel_runner import ParallelRunner as ParallelRunner
    from kedro_asgi.runner.runner import AbstractRunner as AbstractRunner
    from kedro_asgi.runner.sequential_runner import SequentialRunner as SequentialRunner
    from kedro_asgi.runner.task import Task as Task
    from kedro_asgi.runner.thread_runner import ThreadRunner as ThreadRunner
else:
    # Few runs use processes or clusters, and the modules that start them take 8 ms to import, and Dask 300.
    __getattr__ = late_exports(
        __name__,
        {
            "dask_runner": ("DaskRunner",),
            "parallel_runner": ("ParallelRunner",),
            "runner": ("AbstractRunner",),
            "sequential_runner": ("SequentialRunner",),
            "task": ("Task",),
            "thread_runner": ("ThreadRunner",),
        },
    )
