"""Relative paths in the catalog start at the project's folder (CAT-12)."""

import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.reserved_names import PATH_KEYS

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


class ProjectPaths:
    """Lets relative paths start at one project's folder; every run shows hooks the same texts, so they are kept."""

    def __init__(self, project_path: Path) -> None:
        self._project_path = project_path
        self._known: BoundedCache[str, str] = BoundedCache(4096)

    def absolutised(self, config: Any) -> Any:
        """Return ``config`` with absolute paths, at any depth of mappings; lists are left alone."""
        if not isinstance(config, dict):
            return config
        return {
            key: self._absolute_path(value) if _is_path(key, value) else self.absolutised(value)
            for key, value in config.items()
        }

    def _absolute_path(self, path: str) -> str:
        return self._known.get(path) or self._known.add(path, _absolute(self._project_path, path))


def _is_path(key: Any, value: Any) -> bool:
    return isinstance(value, str) and key in PATH_KEYS


def _absolute(project_path: Path, path: str) -> str:
    windows = PureWindowsPath(path)
    if windows.drive and windows.is_absolute():
        return windows.as_posix()
    if "://" in path or _URL.match(path) or PurePosixPath(path).is_absolute():
        return path
    return (project_path / path).as_posix()
