"""Read a project's ``logging.yml`` and check that it is safe to apply (PRJ-36)."""

import logging
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from kedro_asgi.errors import LoggingConfigError

_VARIABLE = "KEDRO_LOGGING_CONFIG"
_ALLOWLIST = "KEDRO_LOGGING_MODULE_ALLOWLIST"
_ALLOWED = ("logging", "kedro.logging")
_KEDRO_HANDLER = "kedro.logging.RichHandler"
_SECTIONS = ("formatters", "filters", "handlers", "loggers")
_MAX_SHOWN = 100
_LOGGING_CLASSES = (logging.Handler, logging.Formatter, logging.Filter)


def read_logging_config(project_path: Path, environ: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """Return the configuration that ``KEDRO_LOGGING_CONFIG`` names, else the project's, else ``None``.

    It is as ``logging.config`` takes it. Raises `LoggingConfigError` for a missing or broken file. It also refuses
    ``()`` keys and classes outside ``logging`` and the modules in ``KEDRO_LOGGING_MODULE_ALLOWLIST``, since they could
    run any code.
    """
    file = logging_file(project_path, environ)
    if file is None:
        return None
    return checked_logging_config(read_logging_file(file), project_path, file=file, environ=environ)


def read_logging_file(file: Path) -> Any:
    """Return what a file holds; raises `LoggingConfigError`."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LoggingConfigError(file, str(error)) from error


def checked_logging_config(
    config: Any, project_path: Path, *, file: Path | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Return a configuration as ``logging.config`` takes it; ``file`` is where it was read."""
    if not isinstance(config, dict):
        raise LoggingConfigError(file, "it must be a mapping")
    allowed = (*_ALLOWED, *filter(None, map(str.strip, environ.get(_ALLOWLIST, "").split(","))))
    for problem in (*_name_problems(config), *_problems(config, allowed)):
        raise LoggingConfigError(file, problem)
    return _with_filter_classes(_adapt_handlers(config, project_path))


def _with_filter_classes(config: dict[str, Any]) -> dict[str, Any]:
    """Let ``logging.config`` make filters of a class of their own, for which it knows only the key ``()``."""
    filters = {name: _with_class(entry) for name, entry in (config.get("filters") or {}).items()}
    return {**config, "filters": filters} if filters else config


def _with_class(entry: Any) -> Any:
    if not isinstance(entry, dict) or not isinstance(path := entry.get("class"), str):
        return entry
    module, _, name = path.rpartition(".")
    return {**{key: value for key, value in entry.items() if key != "class"}, "()": _import_class(module, name)}


def _adapt_handlers(config: dict[str, Any], project_path: Path) -> dict[str, Any]:
    """Make file names relative to the project, and replace Kedro's handler by a handler that is installed."""
    handlers = {}
    for name, handler in (config.get("handlers") or {}).items():
        adapted = dict(handler)
        if adapted.get("class") == _KEDRO_HANDLER:
            adapted = _rich(adapted)
        if isinstance(adapted.get("filename"), str):
            adapted["filename"] = str(project_path / adapted["filename"])
        handlers[name] = adapted
    return {"version": 1, **config, "handlers": handlers}


def _rich(handler: dict[str, Any]) -> dict[str, Any]:
    if find_spec("rich"):
        return {**handler, "class": "rich.logging.RichHandler"}
    known: dict[str, Any] = {key: handler[key] for key in ("level", "formatter", "filters") if key in handler}
    return {**known, "class": "logging.StreamHandler"}


def logging_file(project_path: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file of the logging configuration, if there is one."""
    if named := environ.get(_VARIABLE):
        return Path(named).expanduser()
    candidates = (project_path / "conf" / name for name in ("logging.yml", "logging.yaml"))
    return next((path for path in candidates if path.is_file()), None)


def _name_problems(config: dict[Any, Any]) -> Iterator[str]:
    """Yield what is wrong with the sections: in YAML, ``null`` and ``on`` are no texts unless they are quoted."""
    for section in _SECTIONS:
        entries = config.get(section)
        if entries is not None and not isinstance(entries, dict):
            yield f"'{section}' must be a mapping, not {_in_yaml(entries)}"
            return
        for name, entry in (entries or {}).items():
            if not isinstance(name, str):
                yield f"a name in '{section}' must be text, not {_in_yaml(name)}: put it in quotes"
            elif not isinstance(entry, dict):
                yield f"'{name}' in '{section}' must be a mapping, not {_in_yaml(entry)}"
    if not isinstance(root := config.get("root"), dict | None):
        yield f"'root' must be a mapping, not {_in_yaml(root)}"
    loggers = {"root": root, **(config.get("loggers") or {})}
    for name, logger in loggers.items():
        for handler in _handlers_of(logger):
            if not isinstance(handler, str):
                yield f"a handler of '{name}' must be named by a text, not {_in_yaml(handler)}: put it in quotes"


def _handlers_of(entry: Any) -> list[Any]:
    handlers = entry.get("handlers") if isinstance(entry, dict) else None
    return handlers if isinstance(handlers, list) else []


def _in_yaml(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True).partition("\n")[0][:_MAX_SHOWN]


def _problems(tree: Any, allowed: tuple[str, ...]) -> Iterator[str]:
    if isinstance(tree, list):
        for item in tree:
            yield from _problems(item, allowed)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key == "()":
                yield "The '()' key is not allowed"
            elif key == "class" and isinstance(value, str):
                yield from _class_problems(value, allowed)
            yield from _problems(value, allowed)


def _class_problems(path: str, allowed: tuple[str, ...]) -> Iterator[str]:
    module, _, name = path.rpartition(".")
    if path == _KEDRO_HANDLER:
        return
    if not any(module == prefix or module.startswith(f"{prefix}.") for prefix in allowed):
        yield f"Module '{module}' of class '{path}' is not permitted: name it in {_ALLOWLIST}"
        return
    found = _import_class(module, name)
    if found is None:
        yield f"Class '{path}' not found"
    elif not (isinstance(found, type) and issubclass(found, _LOGGING_CLASSES)):
        yield f"Invalid logging class '{path}': it must be a handler, a formatter or a filter"


def _import_class(module: str, name: str) -> Any:
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None
