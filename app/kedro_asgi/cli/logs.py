"""Logging of the command line's own process; an application that hosts us keeps its own."""

import copy
import logging
import logging.config
from pathlib import Path
from typing import Any

from uvicorn.config import LOGGING_CONFIG

from kedro_asgi.cli.logging_config import read_logging_config
from kedro_asgi.errors import LoggingConfigError
from kedro_asgi.project import Project

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def log_to_stderr() -> None:
    """Show what the engine does, on standard error."""
    logging.basicConfig(format=_FORMAT, level=logging.WARNING)
    logging.getLogger("kedro_asgi").setLevel(logging.INFO)
    # Within Kedro's command line there is a handler already, which would take the brackets of a node for markup.
    for handler in logging.getLogger().handlers:
        handler.addFilter(_as_it_is)


def _as_it_is(record: logging.LogRecord) -> bool:
    if record.name.startswith("kedro_asgi"):
        record.markup = False
    return True


def log_run(project: Project, project_path: Path) -> None:
    """Log as the project configures it, else to standard error; its own package too, from INFO on (PRJ-11).

    Raises `LoggingConfigError`.
    """
    config = read_logging_config(project_path)
    if config is None:
        log_to_stderr()
        logging.getLogger(project.package_name).setLevel(logging.INFO)
        return
    try:
        logging.config.dictConfig(_with_our_loggers(config, project.package_name))
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        raise LoggingConfigError(project_path, f"{error}. {error.__cause__ or ''}") from error


def server_log_config(project: Project, project_path: Path) -> dict[str, Any]:
    """Return uvicorn's logging configuration with ours and the project's, for every worker process.

    Served runs log a line each, with their id. What their nodes load and save is left out: lines of concurrent runs
    could not be told apart, and writing them costs as much as the runs. Raises `LoggingConfigError`.
    """
    config = copy.deepcopy(LOGGING_CONFIG)
    config["loggers"]["kedro_asgi"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    config["loggers"][project.package_name] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    for quiet in ("io", "runner", "pipeline", "session", "validation"):
        config["loggers"][f"kedro_asgi.{quiet}"] = {"level": "WARNING"}
    own = read_logging_config(project_path)
    return config if own is None else _merged(config, _with_our_loggers(own, project.package_name))


def _with_our_loggers(config: dict[str, Any], package_name: str) -> dict[str, Any]:
    """What a project says of ``kedro`` is meant for the engine that runs it."""
    loggers = dict(config.get("loggers") or {})
    loggers.setdefault("kedro_asgi", loggers.get("kedro") or {"level": "INFO"})
    loggers.setdefault(package_name, {"level": "INFO"})
    return {**config, "loggers": loggers}


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    parts = {part: {**below[part], **(above.get(part) or {})} for part in ("formatters", "handlers", "loggers")}
    return {**below, **above, **parts}
