"""How to recognise datasets, and errors of datasets, that are not ours, without importing Kedro."""

import copy
from typing import Any

from kedro_asgi.errors import DatasetError
from kedro_asgi.io.base import Dataset
from kedro_asgi.io.version import Version

_KEDRO_MODULE = "kedro.io.core"
_VERBS = ("load", "save", "exists", "release")


def is_dataset_error(error: BaseException) -> bool:
    """Tell whether ``error`` is a DatasetError of ours or of Kedro's."""
    return isinstance(error, DatasetError) or _descends_from(type(error), "DatasetError")


def is_kedro_class(cls: type[Any]) -> bool:
    """Tell whether ``cls`` extends Kedro's AbstractDataset, which wraps errors as ours does (CAT-50)."""
    return _descends_from(cls, "AbstractDataset")


def is_dataset_class(cls: type[Any]) -> bool:
    """Tell whether instances of ``cls`` can be datasets: it can load and save, and no more is asked (BRG-5)."""
    return callable(getattr(cls, "load", None)) and callable(getattr(cls, "save", None))


def is_dataset(value: Any) -> bool:
    """Tell whether ``value`` is surely a dataset, and not data that happens to load and save, as models do."""
    return not isinstance(value, type) and all(callable(getattr(value, verb, None)) for verb in _VERBS)


def is_persistent(dataset: object) -> bool:
    """Tell whether data saved to ``dataset``, an object or its class, outlives the run that saved it."""
    return not getattr(dataset, "_EPHEMERAL", False)


def class_path(cls: type[Any]) -> str:
    """Return the dotted path of ``cls``."""
    return f"{cls.__module__}.{cls.__qualname__}"


def pinned(dataset: Any, version: Version) -> Dataset:
    """Return a copy of ``dataset`` that has that version, or ``dataset`` if it has no versions (CAT-38)."""
    result: Dataset = dataset if not getattr(dataset, "_version", None) else _copied(dataset, version)
    return result


def read_what_is_saved(dataset: Any) -> None:
    """Let a versioned dataset of Kedro's load, from its next save on, the version that it saves, as ours do."""
    version = getattr(dataset, "_version", None)
    if version is None or version.load is not None or version.save is None:
        return
    if is_kedro_class(type(dataset)):
        dataset._version = Version(version.save, version.save)


def _copied(dataset: Any, version: Version) -> Any:
    """Both engines' classes have a method for it; a class that imitates them may have the attribute alone."""
    if callable(getattr(dataset, "_copy", None)):
        return dataset._copy(_version=version)
    result = copy.copy(dataset)
    result._version = version
    return result


def _descends_from(cls: type[Any], name: str) -> bool:
    return any(base.__name__ == name and base.__module__ == _KEDRO_MODULE for base in cls.__mro__)
