"""Runs as resources: queued, limited, cancelled, recorded, and followed by their events."""

from kedro_asgi.dispatch.dispatcher import Dispatcher, Finished
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.report import run_error

__all__ = ["Dispatcher", "Finished", "Policy", "run_error"]
