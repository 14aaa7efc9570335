"""From the ``type`` of a catalog entry to a class (CAT-6)."""

import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.errors import DatasetTypeError
from kedro_asgi.errors.wording import class_path
from kedro_asgi.io.dataset_protocols import is_dataset_class

# Modules are named and not imported: a project pays only for the datasets that it uses.
_CORE: Mapping[str, str] = {
    "MemoryDataset": "memory_dataset",
    "CachedDataset": "cached_dataset",
    "SharedMemoryDataset": "shared_memory_dataset",
}
_FILES: Mapping[str, str] = {
    "JSONDataset": "json",
    "YAMLDataset": "yaml",
    "TextDataset": "text",
    "PickleDataset": "pickle",
    "CSVDataset": "csv",
}
_HINT = (
    "Hint: datasets of `kedro-datasets` need that package, and often a library besides: "
    "`pip install kedro-datasets[<dataset-group>]` installs both."
)


class DatasetClasses:
    """Remembers the class of each ``type``; thread-safe."""

    _LIMIT = 1024

    def __init__(self) -> None:
        # A type may come from a run's parameters, so the number of types has no bound of its own.
        self._classes: BoundedCache[str, type] = BoundedCache(self._LIMIT)

    def find(self, type_: object) -> type:
        """Return the class that ``type_`` stands for; a failure is not remembered."""
        if not isinstance(type_, str):
            return dataset_class(type_)
        known = self._classes.get(type_)
        return self._classes.add(type_, dataset_class(type_)) if known is None else known


def dataset_class(type_: object) -> type:
    """Return the class that ``type_``, a class or a dotted path, stands for; raises `DatasetTypeError`.

    A path is looked up among the core classes, then in ``kedro_datasets`` if it is installed, then among the
    built-in file datasets, then as it is. Any class that can load and save will do.
    """
    found = _import_type(type_) if isinstance(type_, str) else type_
    if not isinstance(found, type):
        raise DatasetTypeError(f"'type' is {found!r}, no class: issubclass() arg 1 must be a class")
    if not is_dataset_class(found):
        raise DatasetTypeError(
            f"Dataset type '{class_path(found)}' is invalid: all dataset types must extend 'AbstractDataset'."
        )
    return found


def _import_type(path: str) -> object:
    if path.startswith(".") or path.endswith("."):
        raise DatasetTypeError("'type' class path does not support relative paths or paths ending with a dot.")
    if path.endswith("Set"):
        warnings.warn(f"Dataset '{path}': since Kedro 0.19 names of datasets end in 'set'.", stacklevel=2)
    failures: list[DatasetTypeError] = []
    for candidate in _candidates(path):
        try:
            return _import_object(candidate)
        except DatasetTypeError as failure:
            failures.append(failure)
    raise _most_informative(path, failures)


def _candidates(path: str) -> Iterator[str]:
    module, _, name = path.removeprefix("kedro.io.").rpartition(".")
    if name in _CORE and module in ("", _CORE[name]):
        yield f"kedro_asgi.io.{_CORE[name]}.{name}"
        return
    if "." not in path:
        return
    short = path.removeprefix("kedro_datasets.")
    if find_spec("kedro_datasets"):
        yield f"kedro_datasets.{short}"
    file = _FILES.get(name)
    if file is not None and short in (f"{file}.{name}", f"{file}.{file}_dataset.{name}"):
        yield f"kedro_asgi.io.files.{file}.{name}"
    yield path


def _import_object(path: str) -> object:
    module_name, _, name = path.rpartition(".")
    try:
        module = import_module(module_name)
    except Exception as error:  # a module may raise anything while it is imported
        raise _import_failure(path, error) from error
    try:
        return getattr(module, name)
    except AttributeError as error:
        short = module_name.removeprefix("kedro_datasets.")
        raise DatasetTypeError(f"Dataset '{name}' not found in '{short}'. {_HINT}", is_absent=True) from error
    except Exception as error:  # a lazy module imports its parts only now
        raise _import_failure(path, error) from error


def _import_failure(path: str, error: Exception) -> DatasetTypeError:
    if not isinstance(error, ModuleNotFoundError):
        return DatasetTypeError(f"Importing '{path}' failed: {type(error).__name__}: {error}")
    return DatasetTypeError(f"{error}. {_HINT}", is_absent=f"{path}.".startswith(f"{error.name}."))


def _most_informative(path: str, failures: list[DatasetTypeError]) -> DatasetTypeError:
    """Prefer a module that fails to import over a name that does not exist; else take the plain path's failure."""
    broken = [failure for failure in failures if not failure.is_absent]
    if broken or failures:
        return (broken or failures[-1:])[0]
    return DatasetTypeError(f"Empty module name. Invalid dataset path: '{path}'. {_HINT}", is_absent=True)
