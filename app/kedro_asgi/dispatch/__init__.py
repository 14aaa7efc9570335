"""Runs as resources: queued, limited, cancelled, recorded, and followed by their events."""

from kedro_asgi.dispatch.dispatcher import Dispatcher, Finished
from kedro_asgi.dispatch.executors.selection import ExecutorChoice
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.worker import Worker
from kedro_asgi.executor_kind import ExecutorKind

__all__ = ["Dispatcher", "ExecutorChoice", "ExecutorKind", "Finished", "Policy", "Worker"]
