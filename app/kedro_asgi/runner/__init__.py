"""Run pipelines: one contract, one module for each way of running."""

from kedro_asgi.runner.parallel_runner import ParallelRunner as ParallelRunner
from kedro_asgi.runner.runner import AbstractRunner as AbstractRunner
from kedro_asgi.runner.sequential_runner import SequentialRunner as SequentialRunner
from kedro_asgi.runner.task import Task as Task
from kedro_asgi.runner.thread_runner import ThreadRunner as ThreadRunner
