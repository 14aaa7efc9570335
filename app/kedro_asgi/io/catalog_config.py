"""The configuration that would make a catalog again."""

from collections.abc import Mapping
from itertools import chain, count
from typing import NamedTuple

from kedro_asgi.configuration_tree import ConfigMapping

_CREDENTIALS = "credentials"


class CatalogConfig(NamedTuple):
    """The arguments of ``DataCatalog.from_config``."""

    catalog: ConfigMapping
    credentials: ConfigMapping
    load_versions: dict[str, str | None]
    save_version: str | None


def without_credentials(name: str, config: ConfigMapping, found: ConfigMapping) -> ConfigMapping:
    """Return ``config`` with names in place of credentials, at any depth; put the credentials into ``found``."""
    result: ConfigMapping = {}
    for key, value in config.items():
        if key == _CREDENTIALS and value is not None and not isinstance(value, str):
            first = f"{name}_{_CREDENTIALS}"
            reference = next(free for free in chain((first,), (f"{first}_{n}" for n in count(2))) if free not in found)
            found[reference] = value
            result[key] = reference
        else:
            result[key] = without_credentials(name, value, found) if isinstance(value, dict) else value
    return result


def is_memory_entry(entry: Mapping[str, object]) -> bool:
    """Tell whether an entry is of a dataset in memory, by its name: to import a class may take seconds, or fail."""
    type_ = entry.get("type")
    name = type_.__name__ if isinstance(type_, type) else str(type_).rpartition(".")[2]
    return name in ("MemoryDataset", "SharedMemoryDataset")
