"""Restart the server when the project changes: its Python code, its configuration or its ``pyproject.toml``."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.supervisors.basereload import BaseReload

CODE = (".py",)
CONFIGURATION = (".yml", ".yaml", ".json")
# No code of the project: environments, caches, packages of other languages.
_IGNORED = frozenset(("__pycache__", "node_modules", "site-packages"))

Watched = Iterable[tuple[Path, tuple[str, ...]]]


class ProjectReload(BaseReload):
    """uvicorn's reloader, for the files that a project consists of; data that runs save restart nothing.

    ``watched`` holds folders, each with the endings of files that count, and single files.
    """

    def __init__(self, config: uvicorn.Config, target: Callable[..., Any], sockets: Any, *, watched: Watched) -> None:
        super().__init__(config, target, sockets)
        self.reloader_name = "kedro-asgi"
        self._watched = tuple(watched)
        self._times = self._read_times()

    def should_restart(self) -> list[Path] | None:
        """Wait a moment; return the files that have changed, appeared or vanished meanwhile."""
        self.pause()
        former, self._times = self._times, self._read_times()
        changed = {path for path, _ in former.items() ^ self._times.items()}
        return sorted(changed) or None

    def _read_times(self) -> dict[Path, float]:
        times = {}
        for path in self._files():
            try:
                times[path] = path.stat().st_mtime
            except OSError:
                # It vanishes at this moment.
                continue
        return times

    def _files(self) -> Iterator[Path]:
        for root, endings in self._watched:
            if root.is_file():
                yield root
            for folder, folders, files in os.walk(root):
                folders[:] = [name for name in folders if not name.startswith(".") and name not in _IGNORED]
                yield from (Path(folder, name) for name in files if name.endswith(endings))
