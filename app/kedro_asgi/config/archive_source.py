"""An archive of configuration files."""

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from kedro_asgi.config.remote_source import SUFFIXES, by_parts
from kedro_asgi.errors import ConfigSourceError

_UNREADABLE = (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


def is_archive(data: bytes) -> bool:
    """Tell whether a file with this content is an archive."""
    return _is_zip(data) or tarfile.is_tarfile(io.BytesIO(data))


def _is_zip(data: bytes) -> bool:
    return data.startswith(b"PK")


class ArchiveSource:
    """An archive whose one top-level folder is the configuration; unpacked once, into memory.

    Files beside that folder, hidden folders and ``__MACOSX``, which macOS adds, do not count.
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
