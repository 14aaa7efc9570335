"""Configure logging for the commands; an application that mounts the server configures its own."""

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
    """Log to standard error."""
    logging.basicConfig(format=_FORMAT, level=logging.WARNING)
    logging.getLogger("kedro_asgi").setLevel(logging.INFO)
    # Kedro's command line has a handler of rich, which would read the brackets in a node's name as markup.
    for handler in logging.getLogger().handlers:
        handler.addFilter(_disable_markup)


def _disable_markup(record: logging.LogRecord) -> bool:
    if record.name.startswith("kedro_asgi"):
        record.markup = False
    return True


def configure_run_logging(project: Project, project_path: Path) -> None:
    """Apply the project's logging configuration, or log to standard error without one; raises `LoggingConfigError`.

    The project's own package logs from INFO on (PRJ-11).
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
    """Return uvicorn's logging configuration, combined with ours and the project's, for every worker process.

    Each served run logs one line, with its id. The lines about nodes and datasets are off: readers could not tell to
    which of the concurrent runs they belong, and writing them would cost as much as the runs. Raises
    `LoggingConfigError`.
    """
    config = copy.deepcopy(LOGGING_CONFIG)
    config["loggers"]["kedro_asgi"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    config["loggers"][project.package_name] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    for quiet in ("io", "runner", "pipeline", "session", "validation"):
        config["loggers"][f"kedro_asgi.{quiet}"] = {"level": "WARNING"}
    own = read_logging_config(project_path)
    return config if own is None else _merged(config, _with_our_loggers(own, project.package_name))


def _with_our_loggers(config: dict[str, Any], package_name: str) -> dict[str, Any]:
    """Configure the logger ``kedro_asgi`` as the project configures ``kedro``, and the project's own at INFO."""
    loggers = dict(config.get("loggers") or {})
    loggers.setdefault("kedro_asgi", loggers.get("kedro") or {"level": "INFO"})
    loggers.setdefault(package_name, {"level": "INFO"})
    return {**config, "loggers": loggers}


def _merged(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    parts = {part: {**base[part], **(override.get(part) or {})} for part in ("formatters", "handlers", "loggers")}
    return {**base, **override, **parts}
