"""The datasets of one run, by name."""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

from msgspec import UNSET

from kedro_asgi.errors import DatasetError, DatasetNotFoundError
from kedro_asgi.io.base import Dataset
from kedro_asgi.io.catalog_config import CatalogConfig, catalog_config
from kedro_asgi.io.dataset_protocols import class_path, read_what_is_saved
from kedro_asgi.io.entry import plain_entries
from kedro_asgi.io.failure import named_failure
from kedro_asgi.io.memory import MemoryDataset
from kedro_asgi.io.registry import DatasetRegistry
from kedro_asgi.io.resolver import CatalogResolver
from kedro_asgi.validation import DatasetCheck, ValidatorSpec, is_switched_on

_log = logging.getLogger(__name__)


class DataCatalog(DatasetRegistry):
    """The datasets of one run, and all that can be done with one by its name (CAT-53)."""

    @classmethod
    def from_config(
        cls,
        catalog: Mapping[str, Any] | None,
        credentials: Mapping[str, Any] | None = None,
        load_versions: Mapping[str, str] | None = None,
        save_version: str | None = None,
        validation_enabled: bool = True,
    ) -> Self:
        """Make a catalog from plain entries; relative paths start at the working folder (CAT-13)."""
        resolver = CatalogResolver(
            plain_entries(catalog), plain_entries(credentials), default_type=cls._runtime_default
        )
        made = cls(config_resolver=resolver, load_versions=load_versions, save_version=save_version)
        made.validation_enabled = validation_enabled
        return made

    def load(self, ds_name: str, version: str | None = None) -> Any:
        """Load data, or raise a DatasetError that begins with the name (CAT-56); what is shared is not copied.

        Raises `DataValidationError` for data that its validator refuses (CAT-67).
        """
        shared = self.sharing.value(ds_name) if version is None else UNSET
        if shared is not UNSET:
            if _log.isEnabledFor(logging.INFO):
                _log.info("Loading data from %s (preloaded)...", ds_name)
            return shared
        dataset = self._datasets.get(ds_name)
        if dataset is None or version is not None:
            dataset = self._required(ds_name, version)
        if _log.isEnabledFor(logging.INFO):
            _log.info("Loading data from %s (%s)...", ds_name, type(dataset).__name__)
        try:
            data = dataset.load()
        except Exception as error:
            failure = named_failure(error, ds_name, "while loading data from", dataset)
            if failure is None:
                raise
            raise failure from error
        if self._checks and (check := self._check(ds_name)) is not None:
            wanted = version or self._load_versions.get(ds_name)
            return check.loaded(data, is_saved=wanted in (None, self._save_version))
        return data

    def load_anew(self, name: str) -> Any:
        """Load what a run that begins now would load of the entry ``name``: the latest version, validated."""
        recipe = self._resolver.recipe(name)
        if recipe is None:
            raise DatasetNotFoundError(f"Dataset '{name}' not found in the catalog")
        data = recipe.build(self._runtime, save_version=self.save_version).load()
        spec = recipe.validator(self._runtime)
        if spec is None or not is_switched_on(self.validation_enabled):
            return data
        return DatasetCheck(name, spec).loaded(data)

    def save(self, ds_name: str, data: Any) -> None:
        """Save data, or raise a DatasetError that begins with the name (CAT-56).

        Raises `DataValidationError` for data that its validator refuses (CAT-67).
        """
        dataset = self._datasets.get(ds_name)
        if dataset is None:
            dataset = self._required(ds_name)
        if self._checks and (check := self._check(ds_name)) is not None:
            data = check.saved(data)
        if data is None:
            raise DatasetError(f"{ds_name}: Saving 'None' to a 'Dataset' is not allowed")
        self.sharing.save(ds_name)
        if _log.isEnabledFor(logging.INFO):
            _log.info("Saving data to %s (%s)...", ds_name, type(dataset).__name__)
        read_what_is_saved(dataset)
        try:
            dataset.save(data)
        except Exception as error:
            failure = named_failure(error, ds_name, "while saving data to", dataset)
            if failure is None:
                raise
            raise failure from error

    def exists(self, ds_name: str) -> bool:
        """Tell whether there is something to load; not so for an unknown name (CAT-55)."""
        dataset = self.get(ds_name)
        if dataset is None:
            return False
        exists = getattr(dataset, "exists", None)
        if exists is None:
            kind = type(dataset).__name__
            _log.warning("'exists()' not implemented for '%s'. Assuming output does not exist.", kind)
        return bool(exists and exists())

    def release(self, ds_name: str) -> None:
        """Let go of what a dataset holds in memory, unless it is to be kept."""
        if ds_name in self._kept:
            return
        if self._checks and ds_name in self._checks:
            self._checks[ds_name].forget()
        release = getattr(self._required(ds_name), "release", None)
        if release is not None:
            release()

    def confirm(self, ds_name: str) -> None:
        """Tell a dataset that its data was processed (CAT-57)."""
        _log.info("Confirming dataset '%s'", ds_name)
        confirm = getattr(self._required(ds_name), "confirm", None)
        if confirm is None:
            raise DatasetError(f"Dataset '{ds_name}' does not have 'confirm' method")
        confirm()

    def get_type(self, ds_name: str) -> str | None:
        """Return the path of a dataset's class without making the dataset; ``None`` if unknown (CAT-61)."""
        cls = self._class_of(ds_name)
        return None if cls is None else class_path(cls)

    def filter(
        self,
        name_regex: str | re.Pattern[str] | None = None,
        type_regex: str | re.Pattern[str] | None = None,
        by_type: type[Any] | Iterable[type[Any]] | None = None,
    ) -> list[str]:
        """Return the names for which all that is given holds; ``by_type`` means these very classes (CAT-60)."""
        classes = {by_type} if isinstance(by_type, type) else set(by_type or ())
        return [
            name
            for name in self
            if (name_regex is None or re.search(name_regex, name))
            and (type_regex is None or re.search(type_regex, self.get_type(name) or ""))
            and (by_type is None or self._class_of(name) in classes)
        ]

    def values(self) -> list[Dataset]:
        """Return all datasets, made if they were not yet."""
        return [self[name] for name in self]

    def items(self) -> list[tuple[str, Dataset]]:
        """Return all names with their datasets, made if they were not yet."""
        return [(name, self[name]) for name in self]

    @property
    def validator_specs(self) -> dict[str, ValidatorSpec]:
        """The validators of entries, and of datasets that patterns made so far, by name; raises what CAT-70 says."""
        unused = [name for name in self._resolver.names() if name not in self._datasets]
        recipes = {name: self._resolver.recipe(name) for name in unused if self._parameter(name) is UNSET}
        found = {name: recipe.validator(self._runtime) for name, recipe in recipes.items() if recipe is not None}
        declared = {name: spec for name, spec in found.items() if spec is not None}
        return declared | {name: check.spec for name, check in self._checks.items()}

    @property
    def validators(self) -> dict[str, str | dict[str, Any]]:
        """The declarations of `validator_specs`."""
        return {name: spec.to_config() for name, spec in self.validator_specs.items()}

    def to_config(self) -> CatalogConfig:
        """Return what would make this catalog again, but for what lives in memory (CAT-62)."""
        return catalog_config(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"

    def _check(self, name: str) -> DatasetCheck | None:
        check = self._checks.get(name)
        return check if check is not None and is_switched_on(self.validation_enabled) else None

    def _class_of(self, name: str) -> type[Any] | None:
        dataset = self._datasets.get(name)
        if dataset is not None:
            return type(dataset)
        if self._parameter(name) is not UNSET:
            return MemoryDataset
        recipe = self._resolver.recipe(name)
        return None if recipe is None else recipe.dataset_class(self._runtime)
