"""How to make the dataset of one name, for any run."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from kedro_asgi.io.base import Dataset
from kedro_asgi.io.dataset_protocols import class_path
from kedro_asgi.io.definition import Definition, checked_config
from kedro_asgi.io.entry import Entry
from kedro_asgi.io.inputs import table_form
from kedro_asgi.io.reader import EntryReader
from kedro_asgi.runs import RuntimeParams
from kedro_asgi.tables import TableForm
from kedro_asgi.validation import ValidatorSpec

_VALIDATOR = "validator"


class Recipe:
    """Makes a fresh dataset for each run; what does not depend on the run is worked out once, when needed.

    Threads may share it. Classes are imported, and their errors raised, on first use (CAT-5).
    """

    __slots__ = ("_definition", "_entry", "_reader", "_table_form", "_validator", "name")

    def __init__(self, name: str, entry: Entry, reader: EntryReader) -> None:
        self.name = name
        self._entry = entry
        self._reader = reader
        self._definition: Definition | None = None
        self._table_form: TableForm | UnsetType | None = UNSET
        self._validator: ValidatorSpec | UnsetType | None = UNSET

    def definition(self, runtime: RuntimeParams) -> Definition:
        """Return the class and the arguments of the dataset, and its validator, or raise DatasetError."""
        return self._definition or self._define(runtime)

    def build(
        self, runtime: RuntimeParams, *, load_version: str | None = None, save_version: str | None = None
    ) -> Dataset:
        """Make the dataset for a run, or raise DatasetError; no two of them share anything that can change."""
        return (self._definition or self._define(runtime)).build(load_version, save_version)

    def config(self, runtime: RuntimeParams) -> Any:
        """Return the entry as it is written, with the run's values: names of credentials, relative paths."""
        return self._entry.resolve(runtime)

    def placed_config(self, runtime: RuntimeParams) -> Any:
        """Return the entry with the run's values and absolute paths, as hooks are shown it (HOOK-17)."""
        return self._reader.placed(self.config(runtime))

    def ready_config(self, runtime: RuntimeParams) -> Any:
        """Return the entry with everything in place, credentials too."""
        return self._reader.ready(self.config(runtime), runtime)

    def dataset_class(self, runtime: RuntimeParams) -> type[Any]:
        """Return the class of the dataset, or raise DatasetError."""
        return self.definition(runtime).cls

    def class_path(self, runtime: RuntimeParams) -> str:
        return class_path(self.dataset_class(runtime))

    def table_form(self, runtime: RuntimeParams) -> TableForm | None:
        """Return the frame that a plain value becomes in place of this dataset; ``None``: it stays as it is."""
        if self._table_form is not UNSET:
            return self._table_form
        definition = self.definition(runtime)
        form = table_form(self.name, definition.cls, definition.arguments)
        if definition is self._definition:
            self._table_form = form
        return form

    def validator(self, runtime: RuntimeParams) -> ValidatorSpec | None:
        """Return what validates the data; imports nothing, and raises `ValidatorDeclarationError` (CAT-70)."""
        if self._validator is not UNSET:
            return self._validator
        spec = _validator(self.name, self._entry.resolve(runtime))
        if self._entry.is_static:
            self._validator = spec
        return spec

    def check(self) -> None:
        """Raise DatasetError now for what is wrong in every run: shape, missing credentials (CAT-4, CAT-15)."""
        if self._entry.is_static:
            config = self._entry.resolve(RuntimeParams())
            checked_config(self.name, config)
            self.check_credentials(config)
            self._validator = _validator(self.name, config)

    def check_credentials(self, config: Any) -> None:
        for name in self._reader.credentials.names_in(config):
            self._reader.credentials[name]

    def _define(self, runtime: RuntimeParams) -> Definition:
        config = self._entry.resolve(runtime)
        spec = _validator(self.name, config)
        config = config if spec is None else {key: value for key, value in config.items() if key != _VALIDATOR}
        definition = self._reader.define(self.name, config, runtime)
        definition.validator = spec
        # Two threads may both get here; they find the same, so it does not matter who is last.
        if self._is_static(config) and definition.is_repeatable:
            self._definition = definition
        return definition

    @property
    def is_settled(self) -> bool:
        """Whether it is known already that every run makes the same of the entry."""
        return self._definition is not None

    def _is_static(self, config: Any) -> bool:
        credentials = self._reader.credentials
        return self._entry.is_static and all(credentials[name].is_static for name in credentials.names_in(config))


def _validator(name: str, config: Any) -> ValidatorSpec | None:
    if not isinstance(config, Mapping) or _VALIDATOR not in config:
        return None
    return ValidatorSpec.from_dataset_config(name, config[_VALIDATOR])
