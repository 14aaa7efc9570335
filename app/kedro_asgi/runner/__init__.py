"""Run pipelines: one contract, one module for each way of running."""

from kedro_asgi.runner.base import AbstractRunner
from kedro_asgi.runner.parallel import ParallelRunner
from kedro_asgi.runner.sequential import SequentialRunner
from kedro_asgi.runner.task import Task
from kedro_asgi.runner.thread import ThreadRunner

__all__ = ["AbstractRunner", "ParallelRunner", "SequentialRunner", "Task", "ThreadRunner"]
