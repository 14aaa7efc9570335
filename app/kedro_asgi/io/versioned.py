"""The base class of datasets that keep every version that was saved."""

import os
import warnings
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import PurePath, PurePosixPath
from typing import Any, Self, TypeVar

from kedro_asgi.errors import DatasetError, VersionNotFoundError
from kedro_asgi.io.dataset import AbstractDataset
from kedro_asgi.io.version import Version, checked_version, timestamp

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class AbstractVersionedDataset(AbstractDataset[_In, _Out]):
    """A dataset that, given a ``version``, saves to ``<filepath>/<version>/<basename>``.

    An object looks up the latest version and the version of its next save once, until it is saved or released
    (CAT-33). After a save it loads what it saved, unless ``version`` names another one to load. A file system other
    than the local one brings its own ``exists_function`` and ``glob_function``. Thread-safe.
    """

    def __init__(
        self,
        filepath: PurePosixPath,
        version: Version | None,
        exists_function: Callable[[str], bool] | None = None,
        glob_function: Callable[[str], list[str]] | None = None,
    ) -> None:
        if version and str(filepath).startswith(("http:", "https:")):
            raise DatasetError("Versioning is not supported for HTTP protocols.")
        self._filepath = filepath
        self._version = version
        self._exists_function = exists_function or os.path.exists
        self._glob_function = glob_function
        # The dictionary is replaced and never emptied, and only setdefault writes to it: so threads agree on a version
        # without a lock, and the dataset can still be pickled.
        self.__resolved: dict[str, str] = {}

    def resolve_load_version(self) -> str | None:
        """Return the version that ``load`` reads, ``None`` if not versioned; raises `VersionNotFoundError`."""
        if not self._version:
            return None
        if self._version.load:
            return self._version.load
        resolved = self.__resolved
        return resolved.get("load") or resolved.setdefault("load", self._fetch_latest_load_version())

    def resolve_save_version(self) -> str | None:
        """Return the version that ``save`` writes, ``None`` if not versioned."""
        if not self._version:
            return None
        return self._version.save or self.__resolved.setdefault("save", timestamp())

    def list_versions(self, full_path: bool = True) -> list[str]:
        """Return the saved versions, newest first: as paths, or by name."""
        if not self._version:
            return []
        found = list(self.__found_versions())
        return [str(self._get_versioned_path(version)) for version in found] if full_path else found

    def exists(self) -> bool:
        try:
            return super().exists()
        except VersionNotFoundError:
            return False

    def _copy(self, **changes: object) -> Self:
        """Return a copy with other attributes, which resolves its versions anew."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__, **changes)
        copy.__resolved = {}
        return copy

    def _get_load_path(self) -> PurePosixPath:
        version = self.resolve_load_version()
        return self._filepath if version is None else self._get_versioned_path(version)

    def _get_save_path(self) -> PurePosixPath:
        version = self.resolve_save_version()
        if version is None:
            return self._filepath
        path = self._get_versioned_path(version)
        if self._exists_function(str(path)):
            raise DatasetError(f"Save path '{path}' for {self!r} must not exist if versioning is enabled.")
        return path

    def _release(self) -> None:
        self.__resolved = {}

    def _get_versioned_path(self, version: str) -> PurePosixPath:
        """Return the path of a version; raises `VersionStringError`. Classes of projects call this."""
        return self._filepath / checked_version(version) / self._filepath.name

    def _fetch_latest_load_version(self) -> str:
        """Return the latest version; classes of projects may override this."""
        latest = next(self.__found_versions(), None)
        if latest is None:
            raise VersionNotFoundError(f"Did not find any versions for {self!r}")
        return latest

    def __found_versions(self) -> Iterator[str]:
        """Yield versions, newest first; the file of each is looked up only when the iteration reaches it."""
        for version in sorted(self.__candidates(), reverse=True):
            if self._exists_function(str(self._get_versioned_path(version))):
                yield version

    def __candidates(self) -> list[str]:
        try:
            if self._glob_function:
                paths = self._glob_function(str(self._filepath / "*" / self._filepath.name))
                return [PurePath(path).parent.name for path in paths]
            return os.listdir(self._filepath)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except PermissionError as error:
            problem = f"Cannot list the versions of {self!r} due to insufficient permission"
            raise VersionNotFoundError(f"{problem}: {error}") from error

    @staticmethod
    def _save_with_dataset_errors(save: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        save_or_report = AbstractDataset._save_with_dataset_errors(save)

        @wraps(save)
        def save_version(self: AbstractVersionedDataset[Any, Any], data: Any) -> None:
            self.__resolved = {}
            if not self._version:
                save_or_report(self, data)
                return
            try:
                save_or_report(self, data)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise self.__file_in_the_way() from error
            self.__load_what_was_saved(self._version)

        return save_version

    def __file_in_the_way(self) -> DatasetError:
        name, folder = self._filepath.name, self._filepath.parent
        return DatasetError(
            f"Cannot save versioned dataset '{name}' to '{folder}' because a file with the same name already "
            f"exists in the directory. Remove that file, or move it to '{name}/<version>/{name}'."
        )

    def __load_what_was_saved(self, version: Version) -> None:
        """Do not look up the latest version: another run may have begun later and saved first."""
        saved = str(self.resolve_save_version())
        self.__resolved = {"save": saved, "load": saved}
        if version.load not in (None, saved):
            warnings.warn(
                f"Save version '{saved}' did not match load version '{version.load}' for {self!r}. "
                "Loading it now would not give what was saved.",
                stacklevel=3,
            )
