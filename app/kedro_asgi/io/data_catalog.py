"""The catalog of a run: load, save and inspect datasets by name."""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from msgspec import UNSET

from kedro_asgi.configuration_tree import ConfigMapping
from kedro_asgi.errors import DatasetError, DatasetNotFoundError, SingleProcessDatasetsError
from kedro_asgi.errors.wording import class_path
from kedro_asgi.io.catalog_config import CatalogConfig, is_memory_entry, without_credentials
from kedro_asgi.io.catalog_config_resolver import CatalogResolver
from kedro_asgi.io.dataset import is_persistent, raise_named
from kedro_asgi.io.dataset_mapping import DatasetMapping
from kedro_asgi.io.dataset_protocols import (
    Dataset,
    can_leave_process,
    constructor_config,
    load_what_is_saved,
    load_what_was_saved,
)
from kedro_asgi.io.entry import plain_entries
from kedro_asgi.io.memory_dataset import MemoryDataset
from kedro_asgi.io.memory_slots import try_copy
from kedro_asgi.io.shared_memory_dataset import SharedMemoryDataset
from kedro_asgi.io.version import timestamp
from kedro_asgi.validation import DatasetCheck, ValidatorSpec, is_switched_on

if TYPE_CHECKING:
    from multiprocessing.managers import SyncManager

_log = logging.getLogger(__name__)


class DataCatalog(DatasetMapping, has_slots=True):
    """The datasets of one run, which are loaded and saved by name."""

    @classmethod
    def from_config(
        cls,
        catalog: Mapping[str, object] | None,
        credentials: Mapping[str, object] | None = None,
        load_versions: Mapping[str, str] | None = None,
        save_version: str | None = None,
        validation_enabled: bool = True,
    ) -> Self:
        """Make a catalog from plain entries; relative paths start at the working folder."""
        resolver = CatalogResolver(
            plain_entries(catalog), plain_entries(credentials), default_type=cls._default_class.__name__
        )
        made = cls(config_resolver=resolver, load_versions=load_versions, save_version=save_version or timestamp())
        made.validation_enabled = validation_enabled
        return made

    @classmethod
    def of_one(cls, name: str, dataset: Dataset, *, validator: ValidatorSpec | None) -> Self:
        """Return a catalog of one dataset and its validator."""
        made = cls({name: dataset})
        made._set_validator(name, validator)
        return made

    def load(self, ds_name: str, version: str | None = None) -> Any:
        """Load data; the value of an artifact is not copied.

        Raises a `DatasetError` that begins with the name, and `DataValidationError` for data that the
        dataset's validator refuses.
        """
        if self.artifacts is not None and version is None and (shared := self.artifacts.value(ds_name)) is not UNSET:
            if _log.isEnabledFor(logging.INFO):
                _log.info("Loading data from %s (preloaded)...", ds_name)
            return shared
        data = self._slots.get(ds_name, UNSET)
        if data is not UNSET and version is None and (data := try_copy(data)) is not UNSET:
            if _log.isEnabledFor(logging.INFO):
                _log.info("Loading data from %s (%s)...", ds_name, MemoryDataset.__name__)
            return data
        dataset = self._datasets.get(ds_name)
        if dataset is None or version is not None:
            dataset = self._required(ds_name, version)
        if _log.isEnabledFor(logging.INFO):
            _log.info("Loading data from %s (%s)...", ds_name, type(dataset).__name__)
        try:
            data = dataset.load()
        except Exception as error:
            raise_named(error, name=ds_name, doing="while loading data from", dataset=dataset)
            raise
        if self.artifacts is not None and version is None:
            self.artifacts.mark_loaded(ds_name)
        if self._checks and (check := self._active_check(ds_name)) is not None:
            wanted = version or self._load_versions.get(ds_name)
            return check.check_loaded(data, is_saved=wanted in (None, self._save_version))
        return data

    def load_for_reading(self, name: str) -> Any:
        """Return what `load` returns, but data in memory itself, for a caller that does not change it after the run."""
        if self._checks or self.artifacts is not None:
            return self.load(name)
        data = self._slots.get(name, UNSET)
        dataset = self._datasets.get(name)
        if data is UNSET and type(dataset) is MemoryDataset:
            data = dataset.held
        return self.load(name) if data is UNSET else data

    def load_anew(self, name: str) -> Any:
        """Load and validate the latest version of the entry ``name``, as a run that begins now would."""
        builder = self._resolver.builder(name)
        if builder is None:
            raise DatasetNotFoundError(f"Dataset '{name}' not found in the catalog")
        data = builder.build(self._runtime, save_version=self.save_version).load()
        spec = builder.validator(self._runtime)
        if spec is None or not is_switched_on(self.validation_enabled):
            return data
        return DatasetCheck(name, spec).check_loaded(data)

    def save(self, ds_name: str, data: Any) -> None:
        """Save data.

        Raises a `DatasetError` that begins with the name, and `DataValidationError` for data that the
        dataset's validator refuses.
        """
        if ds_name in self._slots and self._save_in_slot(ds_name, try_copy(data)):
            return
        dataset = self._datasets.get(ds_name)
        if dataset is None:
            dataset = self._required(ds_name)
        if self._checks and (check := self._active_check(ds_name)) is not None:
            data = check.check_saved(data)
        if data is None:
            raise DatasetError(f"{ds_name}: Saving 'None' to a 'Dataset' is not allowed")
        self.mark_changed(ds_name)
        if _log.isEnabledFor(logging.INFO):
            _log.info("Saving data to %s (%s)...", ds_name, type(dataset).__name__)
        if hasattr(dataset, "_version"):
            load_what_is_saved(dataset)
        try:
            dataset.save(data)
        except Exception as error:
            raise_named(error, name=ds_name, doing="while saving data to", dataset=dataset)
            raise

    def _save_in_slot(self, name: str, data: Any) -> bool:
        """Save data in memory; false where the dataset has to do it, or to report why it cannot."""
        if data is None or data is UNSET:
            return False
        self._slots[name] = data
        if name in self._datasets:
            # Another thread has asked for the dataset since this one has seen the slot.
            self._slots.pop(name, None)
            return False
        if self.artifacts is not None:
            self.mark_changed(name)
        if _log.isEnabledFor(logging.INFO):
            _log.info("Saving data to %s (%s)...", name, MemoryDataset.__name__)
        return True

    def mark_changed(self, ds_name: str) -> None:
        """Note that a dataset is about to be saved or confirmed, so that its artifact no longer counts."""
        if self.artifacts is not None:
            self.artifacts.mark_changed(ds_name)

    def mark_saved(self, ds_name: str) -> None:
        """Note that another process has saved a dataset of this catalog, after `mark_changed`."""
        load_what_was_saved(self._required(ds_name))

    def active_validator(self, ds_name: str) -> ValidatorSpec | None:
        """Return the validator that loads and saves of a dataset that was made use, if any."""
        check = self._active_check(ds_name)
        return None if check is None else check.spec

    def exists(self, ds_name: str) -> bool:
        """Tell whether there is something to load; false for an unknown name."""
        dataset = self.get(ds_name)
        if dataset is None:
            return False
        exists = getattr(dataset, "exists", None)
        if exists is None:
            kind = type(dataset).__name__
            _log.warning("'exists()' not implemented for '%s'. Assuming output does not exist.", kind)
        return bool(exists and exists())

    def release(self, ds_name: str) -> None:
        """Drop what a dataset holds in memory, unless it is to be kept."""
        if ds_name in self.kept:
            return
        if ds_name in self._slots:
            # Another thread may make a dataset of the slot at this moment: that keeps the data until the run ends.
            self._slots[ds_name] = UNSET
            return
        if self._checks and ds_name in self._checks:
            self._checks[ds_name].forget_save()
        release = getattr(self._required(ds_name), "release", None)
        if release is not None:
            release()

    def confirm(self, ds_name: str) -> None:
        """Tell a dataset that its data was processed."""
        _log.info("Confirming dataset '%s'", ds_name)
        confirm = getattr(self._required(ds_name), "confirm", None)
        if confirm is None:
            raise DatasetError(f"Dataset '{ds_name}' does not have 'confirm' method")
        self.mark_changed(ds_name)
        confirm()

    def is_persistent(self, ds_name: str) -> bool:
        """Tell whether the data of a dataset outlives the run; raises `DatasetNotFoundError`."""
        return ds_name not in self._slots and is_persistent(self[ds_name])

    def get_type(self, ds_name: str) -> str | None:
        """Return the path of a dataset's class without making the dataset; ``None`` if unknown."""
        cls = self._class_of(ds_name)
        return None if cls is None else class_path(cls)

    def filter(
        self,
        name_regex: str | re.Pattern[str] | None = None,
        type_regex: str | re.Pattern[str] | None = None,
        by_type: type | Iterable[type] | None = None,
    ) -> list[str]:
        """Return the names that meet every given condition; ``by_type`` does not include subclasses (CAT-60)."""
        classes = {by_type} if isinstance(by_type, type) else set(by_type or ())
        return [
            name
            for name in self
            if (name_regex is None or re.search(name_regex, name))
            and (type_regex is None or re.search(type_regex, self.get_type(name) or ""))
            and (by_type is None or self._class_of(name) in classes)
        ]

    def values(self) -> list[Dataset]:
        """Return all datasets; makes those that do not exist yet."""
        return [self[name] for name in self]

    def items(self) -> list[tuple[str, Dataset]]:
        """Return all names with their datasets; makes those that do not exist yet."""
        return [(name, self[name]) for name in self]

    @property
    def validator_specs(self) -> dict[str, ValidatorSpec]:
        """The validators of entries, and of datasets that patterns made so far, by name.

        Raises `ValidatorDeclarationError`.
        """
        unused = [name for name in self._resolver.names() if name not in self.registered]
        builders = {name: self._resolver.builder(name) for name in unused if self._parameter(name) is UNSET}
        found = {name: builder.validator(self._runtime) for name, builder in builders.items() if builder is not None}
        declared = {name: spec for name, spec in found.items() if spec is not None}
        return declared | {name: check.spec for name, check in self._checks.items()}

    @property
    def validators(self) -> dict[str, str | dict[str, Any]]:
        """The declarations of `validator_specs`."""
        return {name: spec.to_config() for name, spec in self.validator_specs.items()}

    def to_config(self) -> CatalogConfig:
        """Return the configuration that would make this catalog again (CAT-62).

        Datasets in memory are left out; credentials stand apart from the entries.
        """
        found = {name: config for name in self if (config := self._config(name))}
        entries = {name: config for name, config in found.items() if not is_memory_entry(config)}
        credentials: ConfigMapping = {}
        entries = {name: without_credentials(name, config, credentials) for name, config in entries.items()}
        versions = {name: self._load_versions.get(name) for name in entries}
        return CatalogConfig(entries, credentials, versions, self._save_version)

    def shown_config(self, name: str) -> ConfigMapping:
        """Return the configuration of dataset ``name`` with names in place of credentials."""
        config = self._config(name) or {"type": self.get_type(name)}
        return without_credentials(name, config, {})

    def __repr__(self) -> str:
        return "\n".join(f"{name!r}: {self._described(name)}" for name in self)

    def _described(self, name: str) -> str:
        """Return a dataset that is made as it describes itself, and the path of the class of another one."""
        dataset = self.registered.get(name)
        if dataset is not None:
            return repr(dataset)
        try:
            return str(self.get_type(name))
        except DatasetError:
            return "a dataset that cannot be made"

    def _active_check(self, name: str) -> DatasetCheck | None:
        check = self._checks.get(name)
        return check if check is not None and is_switched_on(self.validation_enabled) else None

    def _class_of(self, name: str) -> type | None:
        dataset = self.registered.get(name)
        if dataset is not None:
            return type(dataset)
        if self._parameter(name) is not UNSET:
            return MemoryDataset
        builder = self._resolver.builder(name)
        return None if builder is None else builder.dataset_class(self._runtime)

    def _config(self, name: str) -> Any:
        dataset = self.registered.get(name)
        config = None if dataset is None else constructor_config(dataset)
        if config is not None:
            check = self._checks.get(name)
            return dict(config) if check is None else {**config, "validator": check.spec.to_config()}
        builder = self._resolver.builder(name)
        return None if builder is None else builder.complete_config(self._runtime)


class SharedMemoryDataCatalog(DataCatalog):
    """A catalog that keeps data without an entry in `SharedMemoryDataset`, so it must be serialisable (CAT-25).

    It is for a project's own runners that send datasets to other processes (RUN-35). `ParallelRunner` sends none and
    takes any catalog.
    """

    _default_class = SharedMemoryDataset

    def set_manager_datasets(self, manager: "SyncManager") -> None:
        """Let the datasets in shared memory keep their data with ``manager``."""
        for dataset in self.registered.values():
            if isinstance(dataset, SharedMemoryDataset):
                dataset.set_manager(manager)

    def validate_catalog(self) -> None:
        """Raise `SingleProcessDatasetsError` for datasets made so far that cannot leave this process."""
        if names := sorted(name for name, dataset in self.registered.items() if not can_leave_process(dataset)):
            raise SingleProcessDatasetsError(names)
