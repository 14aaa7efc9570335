"""The base class of datasets that are one local file."""

import os
import re
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from kedro_asgi.atomic_file import write_atomically
from kedro_asgi.errors import DatasetError
from kedro_asgi.io.version import Version
from kedro_asgi.io.versioned import AbstractVersionedDataset

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_MODES = (None, "r", "rb", "rt", "w", "wb", "wt")


class FileDataset(AbstractVersionedDataset[Any, Any]):
    """One local file; a subclass decodes its bytes and encodes data.

    A save encodes everything first and replaces the file as a whole: a reader sees the old content or the new, and a
    failure leaves the old. ``filepath`` is a path or a ``file://`` URL. Credentials are ignored; ``fs_args`` can only
    set the encoding.
    """

    _default_save_args: ClassVar[Mapping[str, object]] = {}
    _default_load_encoding: ClassVar[str] = "utf-8"
    _has_args: ClassVar[bool] = True

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        load_args: Mapping[str, object] | None = None,
        save_args: Mapping[str, object] | None = None,
        version: Version | None = None,
        credentials: Mapping[str, object] | None = None,
        fs_args: Mapping[str, object] | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        if (load_args or save_args) and not self._has_args:
            raise TypeError(f"{type(self).__name__}.__init__() has no use for load_args or save_args")
        self.metadata = metadata
        super().__init__(_local_path(os.fspath(filepath), is_versioned=bool(version)), version)
        self._load_args: dict[str, Any] = {**(load_args or {})}
        self._save_args: dict[str, Any] = {**self._default_save_args, **(save_args or {})}
        load_encoding, save_encoding = _encodings({**(fs_args or {})})
        self._load_encoding = load_encoding or self._default_load_encoding
        self._save_encoding = save_encoding or "utf-8"

    def load(self) -> Any:
        return self._decode(Path(self._get_load_path()).read_bytes())

    def stored_bytes(self) -> int:
        """Return the size of the file that `load` reads."""
        return Path(self._get_load_path()).stat().st_size

    def save(self, data: Any) -> None:
        path = Path(self._get_save_path())
        write_atomically(path, self._encode(data))

    @abstractmethod
    def _decode(self, content: bytes) -> Any:
        """Return the data in ``content``, the bytes of the file."""

    @abstractmethod
    def _encode(self, data: Any) -> bytes:
        """Return ``data`` as the bytes of the file."""

    def _exists(self) -> bool:
        return Path(self._get_load_path()).exists()

    def _describe(self) -> dict[str, object]:
        return {
            "filepath": self._filepath,
            "protocol": "file",
            "load_args": self._load_args or None,
            "save_args": self._save_args or None,
            "version": self._version,
        }


def _local_path(filepath: str, *, is_versioned: bool) -> PurePosixPath:
    url = _SCHEME.match(filepath)
    if url is None:
        return PurePosixPath(os.path.expanduser(filepath))
    if url[1] == "file":
        return PurePosixPath(filepath[url.end() :])
    if is_versioned and url[1] in ("http", "https"):
        # The base class refuses these with a message of its own.
        return PurePosixPath(filepath)
    raise _unsupported(f"'{url[0]}' paths")


def _encodings(fs_args: dict[str, Any]) -> tuple[str | None, str | None]:
    load = _encoding(fs_args.pop("open_args_load", None))
    save = _encoding(fs_args.pop("open_args_save", None))
    # A save always makes folders; other arguments are for other file systems.
    fs_args.pop("auto_mkdir", None)
    if fs_args:
        raise _unsupported(f"fs_args {sorted(fs_args)}")
    return load, save


def _encoding(open_args: Mapping[str, object] | None) -> str | None:
    arguments = {**(open_args or {})}
    encoding, mode = arguments.pop("encoding", None), arguments.pop("mode", None)
    if mode not in _MODES or arguments:
        raise _unsupported(f"opening files with {open_args}")
    return None if encoding is None else str(encoding)


def _unsupported(what: str) -> DatasetError:
    return DatasetError(
        f"The built-in file datasets do not support {what}. Install kedro-datasets, whose datasets do: "
        "`pip install kedro-datasets[<dataset-group>]`"
    )
