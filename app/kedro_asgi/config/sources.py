"""The sources of configuration: a folder, an archive that holds one, or a URL of either."""

import io
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlparse

from kedro_asgi.config.remote_source import SUFFIXES, RemoteSource, by_parts, read_remote
from kedro_asgi.errors import ConfigSourceError, MissingEnvironmentError
from kedro_asgi.redaction import redact

_ARCHIVE_NAME = re.compile(r".*\.(zip|tar|tar\.\w+|tgz|tbz2?|txz)", re.IGNORECASE | re.DOTALL)
_UNREADABLE = (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


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
        return ArchiveSource(redact(text), read_remote(text)) if is_named_archive else RemoteSource(text)
    path = Path(unquote(url.path)) if url.scheme == "file" else Path(conf_source).expanduser()
    if path.is_file():
        return _open_file(path, is_archive=is_named_archive)
    if is_named_archive and not path.is_dir():
        raise MissingEnvironmentError(str(path))
    return FolderSource(path)


def _open_file(path: Path, *, is_archive: bool) -> Source:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigSourceError(f"Configuration archive '{path}' cannot be read: {error}") from error
    if is_archive or _is_zip(data) or tarfile.is_tarfile(io.BytesIO(data)):
        return ArchiveSource(str(path), data)
    raise MissingEnvironmentError(str(path))


def _is_zip(data: bytes) -> bool:
    return data.startswith(b"PK")


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


class ArchiveSource:
    """An archive whose one top-level folder is the configuration; unpacked once, into memory.

    Files beside that folder do not count, nor do hidden folders, nor ``__MACOSX``, which macOS adds.
    """

    def __init__(self, location: str, data: bytes) -> None:
        self._location = location
        members = _without_top(location, dict(_members(location, data)))
        self._files = {name: data for name, data in members.items() if data is not None}
        parents = {str(parent) for name in members for parent in PurePosixPath(name).parents}
        self._folders = {"", *parents, *(name for name, data in members.items() if data is None)}

    def has_folder(self, folder: str) -> bool:
        return folder.strip("/") in self._folders

    def files(self, folder: str) -> list[str]:
        prefix = f"{folder.strip('/')}/" if folder else ""
        below = (name.removeprefix(prefix) for name in self._files if name.startswith(prefix))
        return sorted((name for name in below if name.endswith(SUFFIXES)), key=by_parts)

    def read(self, file: str) -> bytes:
        return self._files[file]

    def location(self, path: str) -> str:
        return f"{self._location}/{path}"


def _members(location: str, data: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Yield the paths in an archive with the content of the files, and with ``None`` for folders."""
    try:
        yield from _zipped(io.BytesIO(data)) if _is_zip(data) else _tarred(io.BytesIO(data))
    except _UNREADABLE as error:
        raise ConfigSourceError(f"Configuration archive '{location}' cannot be read: {error}") from error


def _zipped(data: io.BytesIO) -> Iterator[tuple[str, bytes | None]]:
    with zipfile.ZipFile(data) as archive:
        for info in archive.infolist():
            # Some programs on Windows write backslashes.
            yield _normal(info.filename.replace("\\", "/")), None if info.is_dir() else archive.read(info)


def _tarred(data: io.BytesIO) -> Iterator[tuple[str, bytes | None]]:
    with tarfile.open(fileobj=data) as archive:
        for member in archive:
            if member.isdir():
                yield _normal(member.name), None
            elif member.isfile() and (content := archive.extractfile(member)):
                yield _normal(member.name), content.read()


def _normal(name: str) -> str:
    return name.removeprefix("./").strip("/")


def _without_top(location: str, members: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    tops = {name.partition("/")[0] for name, data in members.items() if "/" in name or data is None}
    tops = {top for top in tops if top and not top.startswith(".") and top != "__MACOSX"}
    if len(tops) != 1:
        raise ConfigSourceError(
            f"Configuration archive '{location}' must hold exactly one top-level folder, not {sorted(tops)}."
        )
    (top,) = tops
    return {name.removeprefix(f"{top}/"): data for name, data in members.items() if name.startswith(f"{top}/")}
