"""Run pipelines: one contract, one module for each way of running."""

from kedro_asgi.runner.base import AbstractRunner as AbstractRunner
from kedro_asgi.runner.parallel import ParallelRunner as ParallelRunner
from kedro_asgi.runner.sequential import SequentialRunner as SequentialRunner
from kedro_asgi.runner.task import Task as Task
from kedro_asgi.runner.thread import ThreadRunner as ThreadRunner
