"""From a catalog entry to a dataset: the builder of a name for all runs, and the constructor call of one run."""

import inspect
import logging
from collections.abc import Callable, Mapping

from msgspec import UNSET, UnsetType

from kedro_asgi.configuration_tree import ConfigValue
from kedro_asgi.errors import DatasetConfigError, DatasetError, DatasetTypeError
from kedro_asgi.errors.wording import class_path
from kedro_asgi.io.copying import IMMUTABLE_TYPES, copy_containers, iterate_leaves
from kedro_asgi.io.dataset_classes import dataset_class
from kedro_asgi.io.dataset_protocols import Dataset
from kedro_asgi.io.entry import Entry
from kedro_asgi.io.inputs import table_form
from kedro_asgi.io.references import CatalogReferences
from kedro_asgi.io.version import Version, timestamp
from kedro_asgi.redaction import redact
from kedro_asgi.runs import NO_PARAMS, RuntimeParams
from kedro_asgi.tables import TableForm
from kedro_asgi.validation import ValidatorSpec

_log = logging.getLogger(__name__)
_VALIDATOR = "validator"
# Keys of an entry that are no arguments of the dataset's constructor (CAT-2).
_RESERVED = frozenset({"type", "versioned", "version", _VALIDATOR})
_HINT = "Hint: an entry that only serves interpolation needs a name that starts with an underscore."


class DatasetBuilder:
    """Builds the dataset of one name for any run; everything that is the same in every run is computed once.

    Thread-safe. The class is imported, and its errors are raised, on first use.
    """

    __slots__ = ("_definition", "_entry", "_references", "_table_form", "_validator", "name")

    def __init__(self, name: str, entry: Entry, references: CatalogReferences) -> None:
        self.name = name
        self._entry = entry
        self._references = references
        self._definition: DatasetDefinition | None = None
        self._table_form: TableForm | UnsetType | None = UNSET
        self._validator: ValidatorSpec | UnsetType | None = UNSET

    @property
    def is_same_in_every_run(self) -> bool:
        """Whether it is known already that every run builds the same dataset."""
        return self._definition is not None

    @property
    def is_static(self) -> bool:
        """Whether no value of a run changes the entry, credentials aside."""
        return self._entry.is_static

    def definition(self, runtime: RuntimeParams) -> "DatasetDefinition":
        """Return the class, the arguments and the validator of the dataset; raises `DatasetError`."""
        return self._definition or self._define(runtime)

    def build(
        self, runtime: RuntimeParams, *, load_version: str | None = None, save_version: str | None = None
    ) -> Dataset:
        """Build the dataset for a run; raises `DatasetError`. No two datasets share anything that can change."""
        return (self._definition or self._define(runtime)).build(load_version=load_version, save_version=save_version)

    def config(self, runtime: RuntimeParams) -> ConfigValue:
        """Return the entry with the run's values; credentials are still names, and paths relative."""
        return self._entry.resolve(runtime)

    def config_with_absolute_paths(self, runtime: RuntimeParams) -> ConfigValue:
        """Return the entry with the run's values and absolute paths, as hooks see it (HOOK-17)."""
        return self._references.with_absolute_paths(self.config(runtime))

    def complete_config(self, runtime: RuntimeParams) -> ConfigValue:
        """Return the entry with the run's values, absolute paths and credentials."""
        return self._references.complete(self.config(runtime), runtime)

    def dataset_class(self, runtime: RuntimeParams) -> type:
        """Return the class of the dataset; raises `DatasetError`."""
        return self.definition(runtime).cls

    def table_form(self, runtime: RuntimeParams) -> TableForm | None:
        """Return the frame that a plain value becomes in place of this dataset; ``None`` if it stays as it is."""
        if self._table_form is not UNSET:
            return self._table_form
        definition = self.definition(runtime)
        form = table_form(self.name, definition.cls, definition.arguments)
        if definition is self._definition:
            self._table_form = form
        return form

    def validator(self, runtime: RuntimeParams) -> ValidatorSpec | None:
        """Return the declared validator, without an import; raises `ValidatorDeclarationError`."""
        if self._validator is not UNSET:
            return self._validator
        spec = _validator(self.name, self._entry.resolve(runtime))
        if self._entry.is_static:
            self._validator = spec
        return spec

    def check(self) -> None:
        """Raise `DatasetError` now for errors of every run: a wrong shape, missing credentials."""
        if self._entry.is_static:
            config = self._entry.resolve(NO_PARAMS)
            _check_shape(self.name, config)
            for name in self._references.credentials.names_in(config):
                self._references.credentials[name]
            self._validator = _validator(self.name, config)

    def check_constructor(self, runtime: RuntimeParams) -> None:
        """Raise `DatasetError` if the class cannot be imported, or takes other arguments; constructs nothing."""
        self.definition(runtime).check_arguments()

    def _define(self, runtime: RuntimeParams) -> "DatasetDefinition":
        config = self._entry.resolve(runtime)
        spec = _validator(self.name, config)
        if spec is not None and isinstance(config, dict):
            config = {key: value for key, value in config.items() if key != _VALIDATOR}
        complete = self._references.complete(config, runtime)
        definition = DatasetDefinition.from_config(self.name, complete, self._references.classes.find)
        definition.validator = spec
        # Two threads may both get here; they find the same, so it does not matter which is last.
        if self._is_static(config) and definition.is_repeatable:
            self._definition = definition
        return definition

    def _is_static(self, config: ConfigValue) -> bool:
        credentials = self._references.credentials
        return self._entry.is_static and all(credentials[name].is_static for name in credentials.names_in(config))


class DatasetDefinition:
    """A dataset class and the arguments of its constructor; ``validator`` is for the catalog, not for the dataset."""

    __slots__ = ("arguments", "cls", "is_versioned", "name", "validator")

    def __init__(self, name: str, cls: type, arguments: dict[str, ConfigValue], *, is_versioned: bool) -> None:
        self.name = name
        self.cls = cls
        self.arguments = arguments
        self.is_versioned = is_versioned
        self.validator: ValidatorSpec | None = None

    @classmethod
    def from_config(
        cls, name: str, config: object, find_class: Callable[[object], type] = dataset_class
    ) -> "DatasetDefinition":
        """Read an entry that has its credentials and absolute paths; raises `DatasetError`."""
        checked = _check_shape(name, config)
        try:
            found = find_class(checked["type"])
        except DatasetTypeError as error:
            raise DatasetConfigError(name, redact(str(error))) from error
        arguments = {key: value for key, value in checked.items() if key not in _RESERVED}
        is_versioned = _is_versioned(name, checked) or getattr(found, "versioned", False) is True
        _warn_of_ignored_keys(name, checked)
        return cls(name, found, arguments, is_versioned=is_versioned)

    @property
    def is_repeatable(self) -> bool:
        """Whether all arguments can be copied cheaply and exactly, so that other runs can use this definition."""
        return all(type(leaf) in IMMUTABLE_TYPES for leaf in iterate_leaves(self.arguments))

    def build(self, *, load_version: str | None = None, save_version: str | None = None) -> Dataset:
        """Build a dataset; raises `DatasetError`. Versions are ignored if it is not versioned."""
        arguments: dict[str, object] = {key: copy_containers(value) for key, value in self.arguments.items()}
        if self.is_versioned:
            arguments["version"] = Version(load_version, save_version or timestamp())
        try:
            dataset: Dataset = self.cls(**arguments)
        except Exception as error:
            raise DatasetError(f"\n{redact(str(error))}.\n{self._reason(error)}") from error
        return dataset

    def check_arguments(self) -> None:
        """Raise `DatasetError` for arguments that the constructor does not take."""
        given = {**self.arguments, **({"version": None} if self.is_versioned else {})}
        try:
            signature = inspect.signature(self.cls)
        except (TypeError, ValueError):
            return
        try:
            # A misspelt argument is both unknown and, often, missing.
            signature.bind_partial(**given)
            signature.bind(**given)
        except TypeError as error:
            raise DatasetError(f"\n{redact(str(error))}.\n{self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        path = class_path(self.cls)
        if inspect.isabstract(self.cls):
            return (
                f"Dataset '{self.name}' cannot be instantiated. "
                f"Please implement the missing abstract methods in '{path}'."
            )
        if isinstance(error, TypeError):
            return f"Dataset '{self.name}' must only contain arguments valid for the constructor of '{path}'."
        return f"Failed to instantiate dataset '{self.name}' of type '{path}'."


def _check_shape(name: str, config: object) -> Mapping[str, ConfigValue]:
    """Return ``config`` if it has the shape of an entry."""
    if not isinstance(config, Mapping):
        raise DatasetError(f"Catalog entry '{name}' is not a valid dataset configuration.\n{_HINT}")
    if "type" not in config:
        raise DatasetConfigError(name, f"'type' is missing from dataset catalog configuration.\n{_HINT}")
    return config


def _validator(name: str, config: ConfigValue) -> ValidatorSpec | None:
    if not isinstance(config, dict) or _VALIDATOR not in config:
        return None
    return ValidatorSpec.from_dataset_config(name, config[_VALIDATOR])


def _is_versioned(name: str, config: Mapping[str, ConfigValue]) -> bool:
    """Only YAML's own true counts: ``versioned: "false"`` must not enable versioning (Q-45)."""
    versioned = config.get("versioned")
    if not isinstance(versioned, bool | None):
        raise DatasetConfigError(name, f"'versioned' must be true or false, not {versioned!r}.")
    return bool(versioned)


def _warn_of_ignored_keys(name: str, config: Mapping[str, ConfigValue]) -> None:
    if "version" in config:
        _log.warning("Dataset '%s': 'version' is a reserved word and is ignored; use 'versioned'.", name)
    if config.get(_VALIDATOR):
        _log.warning("Dataset '%s': its 'validator' is ignored, since only entries of the catalog can have one.", name)
