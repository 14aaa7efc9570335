"""What the entries of a catalog refer to: the project's folder, credentials and dataset classes."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.configuration_tree import ConfigMapping, ConfigValue
from kedro_asgi.errors import CredentialsNotFoundError
from kedro_asgi.io.dataset_classes import DatasetClasses
from kedro_asgi.io.entry import Entry
from kedro_asgi.reserved_names import PATH_KEYS
from kedro_asgi.runs import RuntimeParams

_CREDENTIALS = "credentials"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


class CatalogReferences:
    """The project folder, the credentials and the dataset classes of one catalog; runs and threads share it.

    Without a ``project_path`` relative paths stay relative (CAT-13).
    """

    def __init__(self, credentials: Mapping[str, Entry], project_path: Path | None) -> None:
        self.credentials = Credentials(credentials)
        self.classes = DatasetClasses()
        self._paths = None if project_path is None else ProjectPaths(project_path)

    def with_absolute_paths(self, config: ConfigValue) -> ConfigValue:
        """Return ``config`` with paths made absolute, if the catalog belongs to a project."""
        return config if self._paths is None else self._paths.make_absolute(config)

    def complete(self, config: ConfigValue, runtime: RuntimeParams) -> ConfigValue:
        """Return ``config`` with absolute paths, and with credentials in place of their names."""
        return self.credentials.insert(self.with_absolute_paths(config), runtime)


class ProjectPaths:
    """Makes relative paths start at the project's folder; each run shows hooks the same paths, so they are cached."""

    def __init__(self, project_path: Path) -> None:
        self._project_path = project_path
        self._absolute: BoundedCache[str, str] = BoundedCache(4096)

    def make_absolute(self, config: ConfigValue) -> ConfigValue:
        """Return ``config`` with absolute paths, at any depth of mappings; lists stay as they are (CAT-12)."""
        if not isinstance(config, dict):
            return config
        return {
            key: self._absolute_path(value)
            if isinstance(value, str) and key in PATH_KEYS
            else self.make_absolute(value)
            for key, value in config.items()
        }

    def _absolute_path(self, path: str) -> str:
        return self._absolute.get(path) or self._absolute.add(path, _absolute_path(self._project_path, path))


class Credentials:
    """The credentials that the entries of a catalog name."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)

    def names_in(self, config: ConfigValue) -> Iterator[str]:
        """Yield the names that ``config`` refers to, at any depth of mappings; lists are not searched."""
        if not isinstance(config, dict):
            return
        for key, value in config.items():
            if key == _CREDENTIALS and isinstance(value, str):
                yield value
            else:
                yield from self.names_in(value)

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries:
            raise CredentialsNotFoundError(name)
        return self._entries[name]

    def insert(self, config: ConfigValue, runtime: RuntimeParams) -> ConfigValue:
        """Return ``config`` with names replaced by credentials; raises `CredentialsNotFoundError`."""
        if not isinstance(config, dict):
            return config
        return {
            key: self[value].resolve(runtime)
            if key == _CREDENTIALS and isinstance(value, str)
            else self.insert(value, runtime)
            for key, value in config.items()
        }

    def resolve(self, runtime: RuntimeParams) -> ConfigMapping:
        """Return all credentials, as hooks see them."""
        return {name: entry.resolve(runtime) for name, entry in self._entries.items()}


def _absolute_path(project_path: Path, path: str) -> str:
    windows = PureWindowsPath(path)
    if windows.drive and windows.is_absolute():
        return windows.as_posix()
    if "://" in path or _URL.match(path) or PurePosixPath(path).is_absolute():
        return path
    return (project_path / path).as_posix()
