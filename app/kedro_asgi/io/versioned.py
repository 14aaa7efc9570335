"""Datasets that keep every version that was ever saved."""

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
    """A dataset that, given a ``version``, saves to ``<filepath>/<version>/<basename>`` (CAT-30).

    The latest version and the version of the next save are looked up once per object, until it is saved or
    released (CAT-33); what was saved is what is loaded then, unless another version was asked for. Other file systems
    than the local one bring their own ``exists_function`` and ``glob_function``. Threads may share an object.
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
        # Replaced, never emptied, and written by setdefault alone: threads agree on a version without a lock,
        # and the dataset can still be pickled.
        self.__resolved: dict[str, str] = {}

    def resolve_load_version(self) -> str | None:
        """Return the version that ``load`` reads, ``None`` if not versioned, or raise VersionNotFoundError."""
        if not self._version:
            return None
        if self._version.load:
            return self._version.load
        resolved = self.__resolved
        return resolved.get("load") or resolved.setdefault("load", self.__latest())

    def resolve_save_version(self) -> str | None:
        """Return the version that ``save`` writes, ``None`` if not versioned."""
        if not self._version:
            return None
        return self._version.save or self.__resolved.setdefault("save", timestamp())

    def list_versions(self, full_path: bool = True) -> list[str]:
        """Return what was saved, newest first: paths, or versions alone (CAT-40)."""
        if not self._version:
            return []
        found = list(self.__found_versions())
        return [str(self.__path_of(version)) for version in found] if full_path else found

    def exists(self) -> bool:
        try:
            return super().exists()
        except VersionNotFoundError:
            return False

    def _copy(self, **changes: Any) -> Self:
        """Return a copy with other attributes, which resolves its versions anew (CAT-38)."""
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__, **changes)
        copied.__resolved = {}
        return copied

    def _get_load_path(self) -> PurePosixPath:
        version = self.resolve_load_version()
        return self._filepath if version is None else self.__path_of(version)

    def _get_save_path(self) -> PurePosixPath:
        version = self.resolve_save_version()
        if version is None:
            return self._filepath
        path = self.__path_of(version)
        if self._exists_function(str(path)):
            raise DatasetError(f"Save path '{path}' for {self!r} must not exist if versioning is enabled.")
        return path

    def _release(self) -> None:
        self.__resolved = {}

    def __path_of(self, version: str) -> PurePosixPath:
        return self._filepath / checked_version(version) / self._filepath.name

    def __latest(self) -> str:
        latest = next(self.__found_versions(), None)
        if latest is None:
            raise VersionNotFoundError(f"Did not find any versions for {self!r}")
        return latest

    def __found_versions(self) -> Iterator[str]:
        """Yield versions, newest first; whether the file of one is there is looked up as it is reached."""
        for version in sorted(self.__candidates(), reverse=True):
            if self._exists_function(str(self.__path_of(version))):
                yield version

    def __candidates(self) -> list[str]:
        if self._glob_function:
            paths = self._glob_function(str(self._filepath / "*" / self._filepath.name))
            return [PurePath(path).parent.name for path in paths]
        try:
            return os.listdir(self._filepath)
        except (FileNotFoundError, NotADirectoryError):
            return []

    @staticmethod
    def _guarded_save(save: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        guarded = AbstractDataset._guarded_save(save)

        @wraps(save)
        def guarded_version(self: AbstractVersionedDataset[Any, Any], data: Any) -> None:
            self.__resolved = {}
            if not self._version:
                guarded(self, data)
                return
            try:
                guarded(self, data)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise self.__blocked() from error
            self.__read_what_was_saved(self._version)

        return guarded_version

    def __blocked(self) -> DatasetError:
        name, folder = self._filepath.name, self._filepath.parent
        return DatasetError(
            f"Cannot save versioned dataset '{name}' to '{folder}' because a file with the same name already "
            f"exists. Remove that file, or move it to '{name}/<version>/{name}'."
        )

    def __read_what_was_saved(self, version: Version) -> None:
        """The latest version may be that of another run, which began later and saved first."""
        saved = str(self.resolve_save_version())
        self.__resolved = {"save": saved, "load": saved}
        if version.load not in (None, saved):
            warnings.warn(
                f"Save version '{saved}' did not match load version '{version.load}' for {self!r}. "
                "Loading it now would not give what was saved.",
                stacklevel=3,
            )
