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
from kedro_asgi.io.dataset import AbstractDataset
from kedro_asgi.io.entry import Entry, PlainEntry, plain_entries
from kedro_asgi.io.memory import MemoryDataset
from kedro_asgi.io.one_shot import close_quietly, find_one_shot
from kedro_asgi.io.resolver import CatalogResolver, Matcher
from kedro_asgi.io.shared import SharedMemoryDataCatalog, SharedMemoryDataset
from kedro_asgi.io.version import Version
from kedro_asgi.io.versioned import AbstractVersionedDataset

__all__ = [
    "AbstractDataset",
    "AbstractVersionedDataset",
    "Artifact",
    "CachedDataset",
    "CatalogResolver",
    "DataCatalog",
    "DataCatalogWithCatalogCommandsMixin",
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
    "plain_entries",
]
