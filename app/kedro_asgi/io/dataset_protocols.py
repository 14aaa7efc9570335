"""The contract of datasets, and how to recognise datasets and errors of other libraries without importing Kedro."""

import copy
import pickle
from collections.abc import Mapping
from typing import Any, Protocol

from kedro_asgi.errors import DatasetError
from kedro_asgi.io.version import Version

_KEDRO_MODULE = "kedro.io.core"
_VERBS = ("load", "save", "exists", "release")


class Dataset(Protocol):
    """Anything that can load and save: our classes, Kedro's, and any class of a project (BRG-5).

    ``exists``, ``release`` and ``confirm`` are optional; the catalog looks for them when it needs them.
    """

    def load(self) -> Any:
        """Return the data; the caller may change it."""
        ...

    def save(self, data: Any) -> None:
        """Store ``data``, which is never ``None``."""
        ...


def is_dataset_error(error: BaseException) -> bool:
    """Tell whether ``error`` is a DatasetError, ours or Kedro's."""
    return isinstance(error, DatasetError) or _descends_from(type(error), "DatasetError")


def extends_kedro_dataset(cls: type) -> bool:
    """Tell whether ``cls`` extends Kedro's AbstractDataset, which wraps errors as ours does."""
    return _descends_from(cls, "AbstractDataset")


def is_dataset_class(cls: type) -> bool:
    """Tell whether instances of ``cls`` can be datasets: it is enough that they load and save."""
    return callable(getattr(cls, "load", None)) and callable(getattr(cls, "save", None))


def can_load_and_save(value: object) -> bool:
    """Tell whether ``value``, given in the place of a dataset, can be one: an object that loads and saves.

    A mock counts too: its methods are its own and not those of its class.
    """
    return not isinstance(value, type) and all(callable(getattr(value, verb, None)) for verb in ("load", "save"))


def is_dataset(value: object) -> bool:
    """Tell whether ``value`` is surely a dataset, and not data that happens to load and save, such as a model."""
    return not isinstance(value, type) and all(callable(getattr(value, verb, None)) for verb in _VERBS)


def with_version(dataset: Dataset, version: Version) -> Dataset:
    """Return a copy of ``dataset`` that has ``version``, or ``dataset`` itself if it knows no versions (CAT-38).

    A dataset that could have versions, and has none, looks for the version and fails when it is loaded.
    """
    result: Dataset = _copy_with_version(dataset, version) if hasattr(dataset, "_version") else dataset
    return result


def versions_of(dataset: object) -> tuple[str | None, str | None]:
    """Return the version that ``dataset``, or the one inside a cached dataset, loads, and the one that it saves."""
    version = getattr(dataset, "_version", None) or getattr(getattr(dataset, "_dataset", None), "_version", None)
    load, save = getattr(version, "load", None), getattr(version, "save", None)
    return load if isinstance(load, str) else None, save if isinstance(save, str) else None


def constructor_config(dataset: object) -> Mapping[str, Any] | None:
    """Return the arguments that made ``dataset``; only our datasets and Kedro's remember them."""
    method = getattr(dataset, "to_config", None) or getattr(dataset, "_init_config", None)
    config = method() if method else None
    return config if isinstance(config, Mapping) else None


def load_what_is_saved(dataset: Any) -> None:
    """Let a versioned dataset of Kedro's load, from its next save on, the version that it saves, as ours do."""
    if extends_kedro_dataset(type(dataset)):
        load_what_was_saved(dataset)


def load_what_was_saved(dataset: Any) -> None:
    """Let a versioned dataset load the version that it saves, unless it was told to load another one."""
    version = getattr(dataset, "_version", None)
    if version is not None and version.load is None and version.save is not None:
        dataset._version = Version(version.save, version.save)


def _copy_with_version(dataset: Any, version: Version) -> Any:
    """Both engines' classes have ``_copy``; a class that only resembles them may have nothing but ``_version``."""
    if callable(getattr(dataset, "_copy", None)):
        return dataset._copy(_version=version)
    changed = copy.copy(dataset)
    changed._version = version
    return changed


def _descends_from(cls: type, name: str) -> bool:
    return any(base.__name__ == name and base.__module__ == _KEDRO_MODULE for base in cls.__mro__)


def can_leave_process(dataset: Dataset) -> bool:
    """Whether a dataset can be sent to another process."""
    if getattr(dataset, "_SINGLE_PROCESS", False):
        return False
    try:
        pickle.dumps(dataset)
    except Exception:  # objects may raise anything from their __reduce__
        return False
    return True
