"""Catalogs of runs in a Kedro project: of our class, or of one that the project derived from Kedro's."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from importlib import import_module
from typing import Any, Self

from kedro_asgi.bridge.errors import kedros_errors
from kedro_asgi.bridge.global_state import is_imported
from kedro_asgi.io import (
    AbstractDataset,
    CachedDataset,
    CatalogResolver,
    DataCatalogWithCatalogCommandsMixin,
    MemoryDataset,
    SharedMemoryDataset,
    Version,
)
from kedro_asgi.io.inputs import is_plain, table_form_of, to_frame
from kedro_asgi.io.parameters import ParameterView
from kedro_asgi.runs import RuntimeParams


class KedroCatalog:
    """Hands everything on to ``theirs``, and adds what a run needs besides: injected data, and outputs that stay."""

    # Hooks may ask whether this is a catalog of their class.
    __class__: Any = property(lambda self: type(self._theirs))

    def __init__(self, theirs: Any) -> None:
        self._theirs = theirs
        self._kept: frozenset[str] = frozenset()
        self._parameters: dict[str, Any] = {}

    @classmethod
    def of(
        cls,
        kind: Any,
        *,
        config_resolver: CatalogResolver,
        runtime: RuntimeParams,
        load_versions: Mapping[str, str] | None,
        save_version: str | None,
    ) -> Self:
        """Make a catalog of class ``kind``, in the way in which Kedro makes one."""
        return cls(
            kind.from_config(
                catalog=config_resolver.config(runtime),
                credentials=config_resolver.credentials(runtime),
                load_versions=dict(load_versions) if load_versions else None,
                save_version=save_version,
            )
        )

    def add_parameters(self, parameters: Mapping[str, Any], models: Mapping[str, Any] | None = None) -> None:
        """Put ``parameters`` and ``params:…`` in place of what had these names (PAR-1, PAR-6)."""
        self._parameters = ParameterView(*deepcopy((parameters, models or {}))).flat()
        for name, value in self._parameters.items():
            self._theirs[name] = value

    @property
    def validation_enabled(self) -> bool:
        """Whether data is validated (CAT-68)."""
        return bool(self._theirs.validation_enabled)

    @validation_enabled.setter
    def validation_enabled(self, is_enabled: bool) -> None:
        self._theirs.validation_enabled = is_enabled

    def flat_parameters(self) -> dict[str, Any]:
        """Return a copy of all parameters under the names that nodes use."""
        return deepcopy(self._parameters)

    def inject(self, name: str, data: Any) -> None:
        """Put ``data`` in place of the dataset ``name`` for this run, as `DataCatalog.inject` does."""
        dataset = self._theirs.get(name) if is_plain(data) else None
        form = None if dataset is None else table_form_of(name, dataset)
        self._theirs[name] = data if form is None else to_frame(name, data, form)

    def prepare(self, names: Iterable[str]) -> None:
        """Make the datasets ``names``, unknown ones in memory."""
        for name in names:
            self._theirs.get(name, fallback_to_runtime_pattern=True)

    def keep(self, names: Iterable[str]) -> None:
        """Do not release the datasets ``names``."""
        self._kept = frozenset(names)

    def release(self, ds_name: str) -> None:
        if ds_name not in self._kept:
            self._theirs.release(ds_name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._theirs, name)

    def __getitem__(self, name: str) -> Any:
        return self._theirs[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._theirs[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._theirs

    def __iter__(self) -> Iterator[str]:
        return iter(self._theirs)

    def __len__(self) -> int:
        return len(self._theirs)

    def __repr__(self) -> str:
        return repr(self._theirs)


class KedroDataCatalog(DataCatalogWithCatalogCommandsMixin):
    """Our catalog in a Kedro project: hooks and nodes catch its errors by Kedro's classes."""

    def get(self, key: str, fallback_to_runtime_pattern: bool = False, version: Version | str | None = None) -> Any:
        with kedros_errors():
            return super().get(key, fallback_to_runtime_pattern, version)

    def load(self, ds_name: str, version: str | None = None) -> Any:
        with kedros_errors():
            return super().load(ds_name, version)

    def save(self, ds_name: str, data: Any) -> None:
        with kedros_errors():
            super().save(ds_name, data)

    def exists(self, ds_name: str) -> bool:
        with kedros_errors():
            return super().exists(ds_name)

    def release(self, ds_name: str) -> None:
        with kedros_errors():
            super().release(ds_name)

    def confirm(self, ds_name: str) -> None:
        with kedros_errors():
            super().confirm(ds_name)

    def __getitem__(self, name: str) -> Any:
        with kedros_errors():
            return super().__getitem__(name)


# The name is part of the message about unmet inputs (CAT-65).
KedroDataCatalog.__name__ = DataCatalogWithCatalogCommandsMixin.__name__


def catalog_class() -> type[DataCatalogWithCatalogCommandsMixin]:
    """Return the class of catalogs that pass for Kedro's, as do their datasets and errors."""
    if not is_imported():
        return DataCatalogWithCatalogCommandsMixin
    _pass_for_kedros()
    return KedroDataCatalog


def _pass_for_kedros() -> None:
    """Let ``isinstance`` in hooks and nodes take our catalog, and datasets, for what they stand for."""
    kedros = import_module("kedro.io")
    for ours in (AbstractDataset, MemoryDataset, CachedDataset, SharedMemoryDataset):
        getattr(kedros, ours.__name__).register(ours)
    kedros.DataCatalog.register(KedroDataCatalog)
