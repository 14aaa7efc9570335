"""Configure logging for the commands; an application that mounts the server configures its own."""

import logging
import logging.config
from pathlib import Path
from typing import Any

from kedro_asgi.cli.background_log import BackgroundHandler
from kedro_asgi.cli.log_format import RUN_FILTER, TextFormatter, formatter_config
from kedro_asgi.errors import LoggingConfigError
from kedro_asgi.log_lines import LogFormat
from kedro_asgi.project import Project
from kedro_asgi.project.logging_config import read_logging_config
from kedro_asgi.run_context import RunContextFilter

_NAME = "kedro_asgi"
# The attributes of records that name their run.
_RUN_ATTRIBUTES = ("run_prefix", "run_id", "(node)", "{node}")
# The message in the format of a formatter, by its style.
_FIELDS = {"%": "%(message)s", "{": "{message}", "$": "${message}"}
_HANDLER = f"{BackgroundHandler.__module__}.{BackgroundHandler.__name__}"
_CONSOLE_CLASSES = (_HANDLER, "logging.StreamHandler", "rich.logging.RichHandler")


def log_to_stderr() -> None:
    """Log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(TextFormatter())
    handler.addFilter(RunContextFilter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("kedro_asgi").setLevel(logging.INFO)
    # Kedro's command line has a handler of rich, which would read the brackets in a node's name as markup.
    for found in logging.getLogger().handlers:
        found.addFilter(_disable_markup)


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
    apply_log_config(_with_runs(_with_our_loggers(config, project.package_name)), project_path)


def apply_log_config(config: dict[str, Any], project_path: Path) -> None:
    """Configure the logging of this process; raises `LoggingConfigError`."""
    try:
        logging.config.dictConfig(config)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        raise LoggingConfigError(project_path, f"{error}. {error.__cause__ or ''}") from error


def server_log_config(
    project: Project, project_path: Path, *, level: str | None = None, log_format: LogFormat | None = None
) -> dict[str, Any]:
    """Return the logging configuration of a server, combined with the project's, for every worker process.

    Each served run logs one line, and what the project logs. The lines about nodes and datasets are off unless
    ``level`` is ``debug``: writing them would cost as much as the runs. ``level`` and ``log_format`` beat the
    project's configuration. Raises `LoggingConfigError`.
    """
    config = _server_defaults(project.package_name, log_format or "text")
    own = read_logging_config(project_path)
    if own is not None:
        config = _merged(config, _with_our_loggers(own, project.package_name))
    if level is not None:
        _set_level(config, level.upper())
    if log_format is not None:
        _format_console(config, log_format)
    return _with_runs(config)


def _server_defaults(package_name: str, log_format: LogFormat) -> dict[str, Any]:
    handled = {"handlers": ["default"], "level": "INFO", "propagate": False}
    quiet = ("io", "runner", "pipeline", "session", "validation")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"default": formatter_config(log_format)},
        "handlers": {
            "default": {"class": _HANDLER, "formatter": "default", "stream": "ext://sys.stderr"},
            "access": {"class": _HANDLER, "formatter": "default", "stream": "ext://sys.stdout"},
        },
        "loggers": {
            "uvicorn": handled,
            "uvicorn.error": {"level": "INFO"},
            "uvicorn.access": {**handled, "handlers": ["access"]},
            "kedro_asgi": handled,
            package_name: handled,
            **{f"kedro_asgi.{room}": {"level": "WARNING"} for room in quiet},
        },
        "root": {"handlers": ["default"], "level": "WARNING"},
    }


def _set_level(config: dict[str, Any], level: str) -> None:
    """Set the level of every logger; the rooms that are quiet stay so unless ``level`` is lower than theirs was."""
    quietest = "DEBUG" if level == "DEBUG" else max(level, "WARNING", key=logging.getLevelNamesMapping().__getitem__)
    for name, logger in config["loggers"].items():
        config["loggers"][name] = {**logger, "level": quietest if name.startswith("kedro_asgi.") else level}
    config["root"] = {**(config["root"] or {}), "level": level}


def _format_console(config: dict[str, Any], log_format: LogFormat) -> None:
    """Let every handler that writes to the console write in ``log_format``; files stay as the project has them."""
    config["formatters"][_NAME] = formatter_config(log_format)
    for name, handler in config["handlers"].items():
        if handler.get("class") in _CONSOLE_CLASSES:
            plain = {key: handler[key] for key in ("level", "filters", "stream") if key in handler}
            config["handlers"][name] = {**plain, "class": _HANDLER, "formatter": _NAME}


def _with_runs(config: dict[str, Any]) -> dict[str, Any]:
    """Let every handler name the run that a record belongs to: in its text, and as attributes for its formatter."""
    formatters = {name: _with_run_prefix(formatter) for name, formatter in (config.get("formatters") or {}).items()}
    formatters[f"{_NAME}_message"] = _with_run_prefix({"format": "%(message)s"})
    handlers = {
        name: {"formatter": f"{_NAME}_message", **handler, "filters": [*(handler.get("filters") or ()), f"{_NAME}_run"]}
        for name, handler in (config.get("handlers") or {}).items()
    }
    filters = {**(config.get("filters") or {}), f"{_NAME}_run": RUN_FILTER}
    return {**config, "formatters": formatters, "handlers": handlers, "filters": filters}


def _with_run_prefix(formatter: dict[str, Any]) -> dict[str, Any]:
    """Put the run before the message, unless the formatter has a class of its own or names the run already.

    What is no style and no text stays, and `logging` says what is wrong with it.
    """
    style, text = formatter.get("style") or "%", formatter.get("format") or ""
    if "class" in formatter or "()" in formatter or str(style) not in _FIELDS or not isinstance(text, str):
        return formatter
    field = _FIELDS[style]
    text = text or field
    if not any(name in text for name in _RUN_ATTRIBUTES):
        prefix = field.replace("message", "run_prefix")
        text = text.replace(field, prefix + field) if field in text else prefix + text
    return {**formatter, "()": f"{TextFormatter.__module__}.{TextFormatter.__name__}", "format": text}


def _with_our_loggers(config: dict[str, Any], package_name: str) -> dict[str, Any]:
    """Configure the logger ``kedro_asgi`` as the project configures ``kedro``, and the project's own at INFO."""
    loggers = dict(config.get("loggers") or {})
    loggers.setdefault("kedro_asgi", loggers.get("kedro") or {"level": "INFO"})
    loggers.setdefault(package_name, {"level": "INFO"})
    return {**config, "loggers": loggers}


def _merged(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    parts = {part: {**base[part], **(override.get(part) or {})} for part in ("formatters", "handlers", "loggers")}
    return {**base, **override, **parts}
