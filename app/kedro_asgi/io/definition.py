"""What an entry says, once its values are known: a class, and the arguments of its constructor."""

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

from kedro_asgi.errors import DatasetConfigError, DatasetError, DatasetTypeError
from kedro_asgi.io.base import Dataset
from kedro_asgi.io.class_path import dataset_class
from kedro_asgi.io.dataset_protocols import class_path
from kedro_asgi.io.tree import SCALARS, copied, leaves
from kedro_asgi.io.version import Version, timestamp
from kedro_asgi.redaction import redact
from kedro_asgi.validation import ValidatorSpec

_log = logging.getLogger(__name__)
# Not arguments of the dataset's constructor (CAT-2).
_RESERVED = frozenset({"type", "versioned", "version", "validator"})
_HINT = "Hint: an entry that only serves interpolation needs a name that starts with an underscore."


class Definition:
    """A dataset that can be made again and again; nothing that one of them can change is shared.

    ``validator`` is for the catalog: the dataset itself does not validate.
    """

    __slots__ = ("arguments", "cls", "is_versioned", "name", "validator")

    def __init__(self, name: str, cls: type[Any], arguments: dict[str, Any], *, is_versioned: bool) -> None:
        self.name = name
        self.cls = cls
        self.arguments = arguments
        self.is_versioned = is_versioned
        self.validator: ValidatorSpec | None = None

    @classmethod
    def from_config(
        cls, name: str, config: Any, find_class: Callable[[Any], type[Any]] = dataset_class
    ) -> "Definition":
        """Read an entry whose credentials and paths are in place, or raise DatasetError (CAT-4, CAT-8)."""
        checked = checked_config(name, config)
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
        """Whether all arguments can be copied cheaply and exactly, so that this definition can be kept."""
        return all(type(leaf) in SCALARS for leaf in leaves(self.arguments))

    def build(self, load_version: str | None = None, save_version: str | None = None) -> Dataset:
        """Make a dataset, or raise DatasetError (CAT-11); versions are ignored if it is not versioned."""
        arguments = {key: copied(value) for key, value in self.arguments.items()}
        if self.is_versioned:
            arguments["version"] = Version(load_version, save_version or timestamp())
        try:
            dataset: Dataset = self.cls(**arguments)
        except Exception as error:
            raise DatasetError(f"\n{redact(str(error))}.\n{self._reason(error)}") from error
        return dataset

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


def checked_config(name: str, config: Any) -> Mapping[str, Any]:
    """Return ``config`` if it has the shape of an entry, else raise DatasetError (CAT-4)."""
    if not isinstance(config, Mapping):
        raise DatasetError(f"Catalog entry '{name}' is not a valid dataset configuration.\n{_HINT}")
    if "type" not in config:
        raise DatasetConfigError(name, f"'type' is missing from dataset catalog configuration.\n{_HINT}")
    return config


def _is_versioned(name: str, config: Mapping[str, Any]) -> bool:
    """Only YAML's own true counts: ``versioned: "false"`` must not enable versioning (Q-45)."""
    versioned = config.get("versioned")
    if not isinstance(versioned, bool | None):
        raise DatasetConfigError(name, f"'versioned' must be true or false, not {versioned!r}.")
    return bool(versioned)


def _warn_of_ignored_keys(name: str, config: Mapping[str, Any]) -> None:
    if "version" in config:
        _log.warning("Dataset '%s': 'version' is a reserved word and is ignored; use 'versioned'.", name)
    if config.get("validator"):
        _log.warning("Dataset '%s': its 'validator' is ignored, since only entries of the catalog can have one.", name)
