"""The sources of configuration: a folder, an archive that holds one, or a URL of either."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlparse

from kedro_asgi.config.remote_source import SUFFIXES, RemoteSource, by_parts, read_remote
from kedro_asgi.errors import ConfigSourceError, MissingEnvironmentError
from kedro_asgi.redaction import redact

_ARCHIVE_NAME = re.compile(r".*\.(zip|tar|tar\.\w+|tgz|tbz2?|txz)", re.IGNORECASE | re.DOTALL)


class Source(Protocol):
    """A tree of files; paths are relative to its root, with slashes."""

    def has_folder(self, folder: str) -> bool:
        """Whether there is such a folder; the root is ``""``."""
        ...

    def files(self, folder: str) -> list[str]:
        """Return the paths, below ``folder``, of all YAML and JSON files in it, sorted (Q-12)."""
        ...

    def read(self, file: str) -> bytes:
        """Return the content of a file."""
        ...

    def location(self, path: str) -> str:
        """Return the name of ``path`` for an error message."""
        ...


def open_source(conf_source: str | Path) -> Source:
    """Open ``conf_source``; raises `ConfigSourceError`, or `MissingEnvironmentError` for an absent archive.

    A file is an archive by its content, whatever its name; a URL names one by its ending.
    """
    text = str(conf_source)
    is_named_archive = _ARCHIVE_NAME.fullmatch(text) is not None
    url = urlparse(text)
    if "://" in text and url.scheme != "file":
        if is_named_archive:
            return _open_archive(redact(text), read_remote(text), is_named_archive=True)
        return RemoteSource(text)
    path = Path(unquote(url.path)) if url.scheme == "file" else Path(conf_source).expanduser()
    if path.is_file():
        return _open_file(path, is_named_archive=is_named_archive)
    if is_named_archive and not path.is_dir():
        raise MissingEnvironmentError(str(path))
    return FolderSource(path)


def _open_file(path: Path, *, is_named_archive: bool) -> Source:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigSourceError(f"Configuration archive '{path}' cannot be read: {error}") from error
    return _open_archive(str(path), data, is_named_archive=is_named_archive)


def _open_archive(location: str, data: bytes, *, is_named_archive: bool) -> Source:
    # Configuration is hardly ever in an archive, and what reads archives takes 5 ms to import.
    from kedro_asgi.config.archive_source import ArchiveSource, is_archive

    if not (is_named_archive or is_archive(data)):
        raise MissingEnvironmentError(location)
    return ArchiveSource(location, data)


class FolderSource:
    """A folder on disk. It follows links, since mounted configuration often consists of links."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def has_folder(self, folder: str) -> bool:
        return (self._root / folder).is_dir()

    def files(self, folder: str) -> list[str]:
        start = self._root / folder
        found = (os.path.relpath(path, start).replace(os.sep, "/") for path in _walk(str(start), frozenset()))
        return sorted(found, key=by_parts)

    def read(self, file: str) -> bytes:
        return (self._root / file).read_bytes()

    def location(self, path: str) -> str:
        return str(self._root / path)


def _walk(folder: str, parents: frozenset[str]) -> Iterator[str]:
    """Yield the files below ``folder``; skips a link to one of ``parents``, which would have no end."""
    parents = parents | {os.path.realpath(folder)}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file() and entry.name.endswith(SUFFIXES):
                yield entry.path
            elif entry.is_dir() and os.path.realpath(entry.path) not in parents:
                yield from _walk(entry.path, parents)
