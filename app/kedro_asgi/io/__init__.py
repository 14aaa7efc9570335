"""Datasets, and the catalogs that hold them."""

from kedro_asgi.errors import (
    DatasetError,
    DatasetNotFoundError,
    VersionAlreadyExistsError,
    VersionNotFoundError,
)
from kedro_asgi.io.artifact import Artifact
from kedro_asgi.io.cached import CachedDataset
from kedro_asgi.io.catalog import DataCatalog
from kedro_asgi.io.catalog_commands import DataCatalogWithCatalogCommandsMixin
from kedro_asgi.io.core import (
    VERSION_FORMAT,
    CatalogProtocol,
    DatasetAlreadyExistsError,
    generate_timestamp,
    get_filepath_str,
    get_protocol_and_path,
    is_parameter,
    parse_dataset_definition,
)
from kedro_asgi.io.dataset import AbstractDataset
from kedro_asgi.io.entry import Entry, PlainEntry, plain_entries
from kedro_asgi.io.memory import MemoryDataset
from kedro_asgi.io.one_shot import close_quietly, find_one_shot
from kedro_asgi.io.resolver import CatalogConfigResolver, CatalogResolver, Matcher
from kedro_asgi.io.shared import SharedMemoryDataCatalog, SharedMemoryDataset
from kedro_asgi.io.version import Version
from kedro_asgi.io.versioned import AbstractVersionedDataset

__all__ = [
    "VERSION_FORMAT",
    "AbstractDataset",
    "AbstractVersionedDataset",
    "Artifact",
    "CachedDataset",
    "CatalogConfigResolver",
    "CatalogProtocol",
    "CatalogResolver",
    "DataCatalog",
    "DataCatalogWithCatalogCommandsMixin",
    "DatasetAlreadyExistsError",
    "DatasetError",
    "DatasetNotFoundError",
    "Entry",
    "Matcher",
    "MemoryDataset",
    "PlainEntry",
    "SharedMemoryDataCatalog",
    "SharedMemoryDataset",
    "Version",
    "VersionAlreadyExistsError",
    "VersionNotFoundError",
    "close_quietly",
    "find_one_shot",
    "generate_timestamp",
    "get_filepath_str",
    "get_protocol_and_path",
    "is_parameter",
    "parse_dataset_definition",
    "plain_entries",
]
