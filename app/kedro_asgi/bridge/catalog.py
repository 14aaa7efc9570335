"""Catalogs of runs in a Kedro project: ours, or one of a class that the project derived from Kedro's."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from importlib import import_module
from typing import Any, Self

from kedro_asgi.bridge.global_state import is_kedro_imported
from kedro_asgi.io import (
    AbstractDataset,
    CachedDataset,
    CatalogResolver,
    DataCatalogWithCatalogCommandsMixin,
    MemoryDataset,
    SharedMemoryDataset,
)
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.io.injected_data import converted
from kedro_asgi.io.input_types import InputType
from kedro_asgi.io.inputs import is_plain
from kedro_asgi.io.parameters import ParameterView
from kedro_asgi.runs import NO_PARAMS, RuntimeParams


class KedroCatalog:
    """Wraps the catalog of a project's own class; adds injected data, and outputs that are not released."""

    # A hook may check whether this is a catalog of the project's class.
    __class__: Any = property(lambda self: type(self._catalog))

    def __init__(self, catalog: Any) -> None:
        self._catalog = catalog
        self.kept: frozenset[str] = frozenset()
        self._parameters: dict[str, Any] = {}

    @classmethod
    def of(
        cls,
        catalog_class: Any,
        *,
        config_resolver: CatalogResolver,
        runtime: RuntimeParams,
        load_versions: Mapping[str, str] | None,
        save_version: str | None,
    ) -> Self:
        """Make a catalog of ``catalog_class`` as Kedro makes it."""
        return cls(
            catalog_class.from_config(
                catalog=config_resolver.resolved_config(runtime),
                credentials=config_resolver.credentials(runtime),
                load_versions=dict(load_versions) if load_versions else None,
                save_version=save_version,
            )
        )

    def add_parameters(self, parameters: Mapping[str, Any], models: Mapping[str, Any] | None = None) -> None:
        """Add ``parameters`` and ``params:…``; they replace datasets of these names."""
        self._parameters = ParameterView(*deepcopy((parameters, models or {}))).flat()
        for name, value in self._parameters.items():
            self._catalog[name] = value

    @property
    def validation_enabled(self) -> bool:
        """Whether loads and saves validate data."""
        return bool(self._catalog.validation_enabled)

    @validation_enabled.setter
    def validation_enabled(self, is_enabled: bool) -> None:
        self._catalog.validation_enabled = is_enabled

    def flat_parameters(self) -> dict[str, Any]:
        """Return a copy of all parameters under the names that nodes use."""
        return deepcopy(self._parameters)

    def inject(self, name: str, data: Any, *, expected: InputType | None = None) -> None:
        """Replace the dataset ``name`` with ``data`` for this run, as `DataCatalog.inject` does."""
        dataset = self._catalog.get(name) if is_plain(data) else None
        self._catalog[name] = converted(name, data, dataset=dataset, builder=None, runtime=NO_PARAMS, expected=expected)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return those ``names`` that are not in the catalog."""
        return [name for name in names if name not in self._catalog]

    def prepare(self, names: Iterable[str], *, is_seen: bool = True) -> None:
        """Make the datasets ``names``; unknown ones in memory."""
        for name in names:
            self._catalog.get(name, fallback_to_runtime_pattern=True)

    def results(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the datasets ``names`` that a run has saved."""
        return {name: self._catalog[name] for name in names}

    def is_persistent(self, ds_name: str) -> bool:
        """Tell whether the data of a dataset outlives the run."""
        return is_persistent(self._catalog[ds_name])

    def release(self, ds_name: str) -> None:
        if ds_name not in self.kept:
            self._catalog.release(ds_name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def __getitem__(self, name: str) -> Any:
        return self._catalog[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._catalog[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._catalog

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalog)

    def __len__(self) -> int:
        return len(self._catalog)

    def __repr__(self) -> str:
        return repr(self._catalog)


_OurCatalog = DataCatalogWithCatalogCommandsMixin


def catalog_class() -> type[_OurCatalog]:
    """Return our class of catalogs; in a Kedro project, one that ``isinstance`` takes for Kedro's."""
    if is_kedro_imported():
        _register_with_kedro()
    return _OurCatalog


def _register_with_kedro() -> None:
    """Make our classes virtual subclasses of Kedro's, so that ``isinstance`` in hooks and nodes accepts them."""
    kedro_io = import_module("kedro.io")
    for ours in (AbstractDataset, MemoryDataset, CachedDataset, SharedMemoryDataset):
        getattr(kedro_io, ours.__name__).register(ours)
    kedro_io.DataCatalog.register(_OurCatalog)
