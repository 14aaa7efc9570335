"""A project's own ``logging.yml``, checked before it is applied (PRJ-36 to PRJ-38)."""

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
_KEDROS_HANDLER = "kedro.logging.RichHandler"
_KINDS = (logging.Handler, logging.Formatter, logging.Filter)


def read_logging_config(project_path: Path, environ: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """Return the configuration that ``KEDRO_LOGGING_CONFIG`` names, else the project's, else ``None``.

    Raises `LoggingConfigError` for a file that is missing or broken, and for one that would call or import what it
    must not: ``()`` keys, and classes outside ``logging`` and ``KEDRO_LOGGING_MODULE_ALLOWLIST``.
    """
    file = _file(project_path, environ)
    if file is None:
        return None
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LoggingConfigError(file, str(error)) from error
    if not isinstance(config, dict):
        raise LoggingConfigError(file, "it must be a mapping")
    allowed = (*_ALLOWED, *filter(None, map(str.strip, environ.get(_ALLOWLIST, "").split(","))))
    for problem in _problems(config, allowed):
        raise LoggingConfigError(file, problem)
    return _placed(config, project_path)


def _placed(config: dict[str, Any], project_path: Path) -> dict[str, Any]:
    """Log files start at the project, wherever the command is given; Kedro's handler is rich's own, or a plain one."""
    handlers = {}
    for name, handler in (config.get("handlers") or {}).items():
        placed = dict(handler)
        if placed.get("class") == _KEDROS_HANDLER:
            placed = _rich(placed)
        if isinstance(placed.get("filename"), str):
            placed["filename"] = str(project_path / placed["filename"])
        handlers[name] = placed
    return {"version": 1, **config, "handlers": handlers}


def _rich(handler: dict[str, Any]) -> dict[str, Any]:
    if find_spec("rich"):
        return {**handler, "class": "rich.logging.RichHandler"}
    known: dict[str, Any] = {key: handler[key] for key in ("level", "formatter", "filters") if key in handler}
    return {**known, "class": "logging.StreamHandler"}


def _file(project_path: Path, environ: Mapping[str, str]) -> Path | None:
    if named := environ.get(_VARIABLE):
        return Path(named).expanduser()
    candidates = (project_path / "conf" / name for name in ("logging.yml", "logging.yaml"))
    return next((path for path in candidates if path.is_file()), None)


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
    if path == _KEDROS_HANDLER:
        return
    if not any(module == prefix or module.startswith(f"{prefix}.") for prefix in allowed):
        yield f"Module '{module}' of class '{path}' is not permitted: name it in {_ALLOWLIST}"
        return
    found = _found(module, name)
    if found is None:
        yield f"Class '{path}' not found"
    elif not (isinstance(found, type) and issubclass(found, _KINDS)):
        yield f"Invalid logging class '{path}': it must be a handler, a formatter or a filter"


def _found(module: str, name: str) -> Any:
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None
