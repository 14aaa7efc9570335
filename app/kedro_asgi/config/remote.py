"""Configuration on another machine, through fsspec (CFG-7): an optional dependency."""

from importlib import import_module
from typing import Any
from urllib.parse import urlparse

from kedro_asgi.errors import ConfigSourceError
from kedro_asgi.redaction import redact

SUFFIXES = (".yml", ".yaml", ".json")


class RemoteSource:
    """A folder at a URL; raises `ConfigSourceError` for what cannot be reached. Files are read on first need."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._files, self._root = _file_system(self._url)

    def has_folder(self, folder: str) -> bool:
        try:
            return bool(self._files.isdir(self._path(folder)))
        except Exception as error:
            raise self._failed(folder, error) from error

    def files(self, folder: str) -> list[str]:
        start = self._path(folder).rstrip("/") + "/"
        try:
            found = self._files.find(start)
        except Exception as error:
            raise self._failed(folder, error) from error
        names = (str(path).partition(start)[2] for path in found if str(path).endswith(SUFFIXES))
        return sorted(names, key=lambda name: name.split("/"))

    def read(self, file: str) -> bytes:
        try:
            content: bytes = self._files.cat_file(self._path(file))
        except Exception as error:
            raise self._failed(file, error) from error
        return content

    def location(self, path: str) -> str:
        return redact(f"{self._url}/{path}")

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def _failed(self, path: str, error: Exception) -> ConfigSourceError:
        return ConfigSourceError(f"Configuration '{self.location(path)}' cannot be read: {redact(str(error))}")


def read_remote(url: str) -> bytes:
    """Return what is at ``url``: an archive; raises `ConfigSourceError`."""
    folder, _, name = url.rpartition("/")
    return RemoteSource(folder).read(name)


def _file_system(url: str) -> tuple[Any, str]:
    """Cloud file systems want further packages (s3fs, gcsfs, …), which fsspec names when it misses them."""
    try:
        opened: tuple[Any, str] = import_module("fsspec.core").url_to_fs(url)
    except (ImportError, ValueError) as error:
        scheme = urlparse(url).scheme
        raise ConfigSourceError(
            f"Configuration source '{redact(url)}' cannot be opened: {error}. URLs of '{scheme}' need "
            "fsspec (`pip install 'kedro-asgi[remote]'`) and its package for that scheme."
        ) from error
    return opened
