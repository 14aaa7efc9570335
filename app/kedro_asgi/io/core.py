"""Helpers that dataset classes of projects import: file paths and protocols, versions, definitions of datasets."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, Protocol, runtime_checkable

from kedro_asgi.errors import DatasetAlreadyExistsError as DatasetAlreadyExistsError
from kedro_asgi.errors import DatasetConfigError, DatasetTypeError
from kedro_asgi.errors import DatasetError as DatasetError
from kedro_asgi.errors import DatasetNotFoundError as DatasetNotFoundError
from kedro_asgi.errors import VersionAlreadyExistsError as VersionAlreadyExistsError
from kedro_asgi.errors import VersionNotFoundError as VersionNotFoundError
from kedro_asgi.io.builder import DatasetDefinition
from kedro_asgi.io.dataset import AbstractDataset as AbstractDataset
from kedro_asgi.io.dataset_classes import dataset_class
from kedro_asgi.io.version import Version as Version
from kedro_asgi.io.version import timestamp
from kedro_asgi.io.versioned import AbstractVersionedDataset as AbstractVersionedDataset
from kedro_asgi.reserved_names import is_parameter as is_parameter

#: The format of a version as ``datetime.strptime`` reads it.
VERSION_FORMAT = "%Y-%m-%dT%H.%M.%S.%fZ"
_URL = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<rest>.*)", re.DOTALL)
_DRIVE = re.compile(r"/?[A-Za-z]:[\\/]")
_HTTP = ("http", "https")
# Their paths begin with the name of a bucket or container; those of other protocols with what follows the host.
_WITH_BUCKET = ("abfs", "abfss", "adl", "gcs", "gdrive", "gs", "oci", "oss", "s3", "s3a", "s3n")
# The text before the @ is part of the container, and no user.
_WITH_CONTAINER = ("abfss", "oci")


@runtime_checkable
class CatalogProtocol(Protocol):
    """A catalog: datasets by name, which can be loaded, saved, confirmed and released.

    `DataCatalog` says what each method does.
    """

    _datasets: dict[str, Any]

    def __contains__(self, ds_name: object) -> bool: ...
    def keys(self) -> Iterable[str]: ...
    def values(self) -> Iterable[Any]: ...
    def items(self) -> Iterable[tuple[str, Any]]: ...
    def get(self, key: str, fallback_to_runtime_pattern: bool = False) -> Any: ...
    def load(self, ds_name: str, version: str | None = None) -> Any: ...
    def save(self, ds_name: str, data: Any) -> None: ...
    def exists(self, ds_name: str) -> bool: ...
    def release(self, ds_name: str) -> None: ...
    def confirm(self, ds_name: str) -> None: ...


def get_protocol_and_path(filepath: str | os.PathLike[str], version: Version | None = None) -> tuple[str, str]:
    """Return the protocol of ``filepath`` and its path, as the file system of the protocol takes it.

    A path without a protocol belongs to ``file``. Raises `DatasetError` for a version of a web address.
    """
    text = os.fspath(filepath)
    url = None if _DRIVE.match(text) else _URL.fullmatch(text)
    if url is None:
        return "file", text
    protocol, rest = url["protocol"].lower(), url["rest"]
    if protocol in _HTTP:
        if version:
            raise DatasetError(
                "Versioning is not supported for HTTP protocols. Please remove the `versioned` flag from the dataset "
                "configuration."
            )
        return protocol, rest
    if protocol == "file" and _DRIVE.match(rest):
        return protocol, rest.removeprefix("/") if rest.startswith("/") else rest[2:]
    host, slash, path = rest.partition("/")
    if protocol not in _WITH_BUCKET:
        return protocol, slash + path
    bucket = host if protocol in _WITH_CONTAINER else host.rpartition("@")[2]
    return protocol, bucket + slash + path


def get_filepath_str(raw_path: PurePath, protocol: str) -> str:
    """Return ``raw_path`` with forward slashes; a web address with its protocol."""
    path = raw_path.as_posix()
    return f"{protocol}://{path}" if protocol in _HTTP else path


def validate_on_forbidden_chars(**texts: str) -> None:
    """Raise `DatasetError` for a text with a space or a semicolon; datasets of SQL check names of tables so."""
    for name, text in texts.items():
        if " " in text or ";" in text:
            raise DatasetError(f"Neither white-space nor semicolon are allowed in '{name}'.")


def generate_timestamp() -> str:
    """Return the current time as a version."""
    return timestamp()


def parse_dataset_definition(
    config: Mapping[str, Any], load_version: str | None = None, save_version: str | None = None
) -> tuple[type, dict[str, Any]]:
    """Return the class that an entry of the catalog names, and the arguments for it; raises `DatasetError`."""
    try:
        definition = DatasetDefinition.from_config(str(config.get("type")), config, dataset_class)
    except DatasetConfigError as error:
        cause = error.__cause__
        raise (cause if isinstance(cause, DatasetTypeError) else error) from None
    arguments: dict[str, Any] = dict(definition.arguments)
    if definition.is_versioned:
        arguments["version"] = Version(load_version, save_version or timestamp())
    return definition.cls, arguments
