"""Relative paths in the catalog start at the project's folder (CAT-12)."""

import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

_KEYS = frozenset({"filepath", "path", "filename"})
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


def absolutised(config: Any, project_path: Path) -> Any:
    """Return ``config`` with paths under ``project_path``, at any depth of mappings; lists are left alone."""
    if not isinstance(config, dict):
        return config
    return {
        key: _absolute(value, project_path) if _is_path(key, value) else absolutised(value, project_path)
        for key, value in config.items()
    }


def _is_path(key: Any, value: Any) -> bool:
    return isinstance(value, str) and key in _KEYS


def _absolute(path: str, project_path: Path) -> str:
    windows = PureWindowsPath(path)
    if windows.drive and windows.is_absolute():
        return windows.as_posix()
    if "://" in path or _URL.match(path) or PurePosixPath(path).is_absolute():
        return path
    return (project_path / path).as_posix()
