"""A catalog, written as the configuration that would make it again (CAT-62)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from kedro_asgi.io.base import Dataset
from kedro_asgi.io.registry import DatasetRegistry

_KEY = "credentials"


class CatalogConfig(NamedTuple):
    """The arguments of ``DataCatalog.from_config``."""

    catalog: dict[str, Any]
    credentials: dict[str, Any]
    load_versions: dict[str, str | None]
    save_version: str | None


def catalog_config(registry: DatasetRegistry) -> CatalogConfig:
    """Return the configuration of ``registry``; datasets in memory are left out, credentials stand apart."""
    entries = {name: config for name in registry if (config := _entry(registry, name)) and not _is_memory(config)}
    credentials: dict[str, Any] = {}
    for name, config in entries.items():
        _take_credentials(name, config, credentials)
    versions = {name: registry.load_versions.get(name) for name in entries}
    return CatalogConfig(entries, credentials, versions, registry.save_version)


def _entry(registry: DatasetRegistry, name: str) -> dict[str, Any] | None:
    dataset = registry.registered.get(name)
    described = None if dataset is None else _constructor_config(dataset)
    if described is not None:
        check = registry.checks.get(name)
        return dict(described) if check is None else {**described, "validator": check.spec.to_config()}
    recipe = registry.config_resolver.recipe(name)
    return None if recipe is None else recipe.ready_config(registry.runtime)


def _constructor_config(dataset: Dataset) -> Mapping[str, Any] | None:
    """Ours and Kedro's datasets remember how they were made; of others the entry in the catalog is known."""
    method = getattr(dataset, "to_config", None) or getattr(dataset, "_init_config", None)
    config: Mapping[str, Any] | None = method() if method else None
    return config


def _is_memory(config: Mapping[str, Any]) -> bool:
    type_ = config["type"]
    name = type_.__name__ if isinstance(type_, type) else str(type_).rpartition(".")[2]
    return name in ("MemoryDataset", "SharedMemoryDataset")


def _take_credentials(name: str, config: dict[str, Any], credentials: dict[str, Any]) -> None:
    if config.get(_KEY) is not None:
        key = f"{name}_credentials"
        credentials[key] = config[_KEY]
        config[_KEY] = key
