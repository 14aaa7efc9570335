"""Configuration on another machine, through fsspec, an optional dependency."""

from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlparse

from kedro_asgi.errors import ConfigSourceError
from kedro_asgi.redaction import redact

SUFFIXES = (".yml", ".yaml", ".json")


class RemoteSource:
    """A folder at a URL; raises `ConfigSourceError` where it cannot be reached. Files are read on first use."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._files, self._root = _file_system(self._url)

    def has_folder(self, folder: str) -> bool:
        return bool(self._call(self._files.isdir, folder, self._path(folder)))

    def files(self, folder: str) -> list[str]:
        start = self._path(folder).rstrip("/") + "/"
        found = map(str, self._call(self._files.find, folder, start))
        return sorted((path.partition(start)[2] for path in found if path.endswith(SUFFIXES)), key=by_parts)

    def read(self, file: str) -> bytes:
        content: bytes = self._call(self._files.cat_file, file, self._path(file))
        return content

    def location(self, path: str) -> str:
        return redact(f"{self._url}/{path}")

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def _call(self, method: Callable[[str], Any], shown: str, path: str) -> Any:
        try:
            return method(path)
        except Exception as error:
            problem = f"Configuration '{self.location(shown)}' cannot be read: {redact(str(error))}"
            raise ConfigSourceError(problem) from error


def by_parts(path: str) -> list[str]:
    """Return the key that sorts paths folder by folder."""
    return path.split("/")


def read_remote(url: str) -> bytes:
    """Return the content of the archive at ``url``; raises `ConfigSourceError`."""
    folder, _, name = url.rpartition("/")
    return RemoteSource(folder).read(name)


def _file_system(url: str) -> tuple[Any, str]:
    """Cloud file systems need further packages (s3fs, gcsfs, …); fsspec names the missing one."""
    try:
        opened: tuple[Any, str] = import_module("fsspec.core").url_to_fs(url)
    except (ImportError, ValueError) as error:
        scheme = urlparse(url).scheme
        raise ConfigSourceError(
            f"Configuration source '{redact(url)}' cannot be opened: {error}. URLs of '{scheme}' need "
            "fsspec (`pip install 'kedro-asgi[remote]'`) and its package for that scheme."
        ) from error
    return opened
