"""The versions that a caller wants to load, checked before a run."""

from collections.abc import Iterable
from typing import Protocol

from kedro_asgi.errors import DatasetNotFoundError
from kedro_asgi.errors.wording import all_close_matches, suggestion
from kedro_asgi.io.catalog_config_resolver import CatalogResolver


class Catalog(Protocol):
    """The names that a catalog knows."""

    @property
    def registered(self) -> Iterable[str]: ...

    def keys(self) -> Iterable[str]: ...


def check_load_versions(names: Iterable[str], *, catalog: Catalog, resolver: CatalogResolver) -> None:
    """Raise DatasetNotFoundError for versions of names that no entry and no specific pattern matches (CAT-37)."""
    registered = set(catalog.registered)
    unknown = sorted(name for name in names if name not in registered and not _has_entry(name, resolver))
    if unknown:
        matches = all_close_matches(unknown, catalog.keys())
        raise DatasetNotFoundError(
            f"'load_versions' keys [{', '.join(unknown)}] are not found in the catalog.{suggestion(matches)}"
        )


def _has_entry(name: str, resolver: CatalogResolver) -> bool:
    return resolver.matches(name) and not resolver.is_catch_all(name)
