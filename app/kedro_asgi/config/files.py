"""The configuration files of a source, found once and parsed once."""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from posixpath import normpath
from typing import Any

from kedro_asgi.config.file_patterns import is_hidden, matching, split_pattern
from kedro_asgi.config.remote_source import by_parts
from kedro_asgi.config.sources import Source, open_source
from kedro_asgi.config.yaml_loader import ParsedMapping, parse
from kedro_asgi.errors import ConfigEncodingError, MissingEnvironmentError


class ConfigFiles:
    """Reads a configuration source, each file at most once. Thread-safe; its results must not be changed."""

    def __init__(self, conf_source: str | Path, *, ignore_hidden: bool) -> None:
        self._conf_source = conf_source
        self._ignore_hidden = ignore_hidden
        self._lock = threading.RLock()
        self._names: dict[str, list[str]] = {}
        self._trees: dict[str, ParsedMapping] = {}

    @cached_property
    def source(self) -> Source:
        """The opened source; raises `ConfigSourceError` and, for an archive, `MissingEnvironmentError`."""
        with self._lock:
            return open_source(self._conf_source)

    def __getstate__(self) -> dict[str, Any]:
        """Return what was read; another process opens the source again if it needs further files."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "source")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()

    def require(self, folder: str) -> None:
        """Raise `MissingEnvironmentError` unless there is such a folder."""
        if not self.source.has_folder(folder):
            raise MissingEnvironmentError(self.source.location(folder))

    def trees(self, folder: str, patterns: Sequence[str]) -> list[tuple[str, ParsedMapping]]:
        """Return location and content of each file of ``folder`` that matches one of ``patterns``, sorted by path."""
        with self._lock:
            paths = {path for pattern in patterns for path in self._paths(folder, pattern)}
            return [(self.source.location(path), self._parsed(path)) for path in sorted(paths, key=by_parts)]

    def _paths(self, folder: str, pattern: str) -> list[str]:
        inner, parts = split_pattern(pattern)
        start = _joined(folder, inner)
        return [_joined(start, name) for name in matching(self._listed(start), parts)]

    def _listed(self, folder: str) -> list[str]:
        if folder not in self._names:
            found = self.source.files(folder) if self.source.has_folder(folder) else []
            hidden = self._ignore_hidden and is_hidden(folder)
            self._names[folder] = [name for name in found if not (hidden or (self._ignore_hidden and is_hidden(name)))]
        return self._names[folder]

    def _parsed(self, path: str) -> ParsedMapping:
        if path not in self._trees:
            location = self.source.location(path)
            self._trees[path] = parse(_decoded(self.source.read(path), location), location)
        return self._trees[path]


def _joined(folder: str, name: str) -> str:
    joined = normpath(f"{folder}/{name}").strip("/")
    return "" if joined == "." else joined


def _decoded(data: bytes, location: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigEncodingError(
            f"Configuration file {location} is not UTF-8: line {line}, byte {error.start}"
        ) from None
