"""Runs as resources: queued, limited, cancelled, recorded, and followed by their events."""

from kedro_asgi.dispatch.dispatcher import Dispatcher, Finished
from kedro_asgi.dispatch.executors.selection import ExecutorChoice, ExecutorKind
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.worker import Worker

__all__ = ["Dispatcher", "ExecutorChoice", "ExecutorKind", "Finished", "Policy", "Worker"]
