"""Logging of the command line's own process; an application that hosts us keeps its own."""

import copy
import logging
from typing import Any

from uvicorn.config import LOGGING_CONFIG

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def log_to_stderr(level: int = logging.INFO) -> None:
    """Show what the engine does, on standard error."""
    logging.basicConfig(format=_FORMAT, level=logging.WARNING)
    logging.getLogger("kedro_asgi").setLevel(level)


def server_log_config() -> dict[str, Any]:
    """Return uvicorn's logging configuration with ours added, for every worker process.

    Served runs log a line each, with their id. What their nodes load and save is left out: lines of concurrent runs
    could not be told apart, and writing them costs as much as the runs.
    """
    config = copy.deepcopy(LOGGING_CONFIG)
    config["loggers"]["kedro_asgi"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    for quiet in ("io", "runner", "session.engine"):
        config["loggers"][f"kedro_asgi.{quiet}"] = {"level": "WARNING"}
    return config
