"""Data that lives as long as its run."""

import copy
import sys
from typing import Any, Self

from msgspec import UNSET

from kedro_asgi.errors import DatasetError, MissingDataError
from kedro_asgi.io.copying import IMMUTABLE_TYPES, deep_copy
from kedro_asgi.io.dataset import AbstractDataset

_NO_TYPES: frozenset[type] = frozenset()
_MODES = ("deepcopy", "copy", "assign")
# These types are looked up among the modules that are already imported: data of a library that is not imported
# cannot exist, and to import pandas takes seconds.
_COPIED = (("pandas", "DataFrame"), ("numpy", "ndarray"))
_ASSIGNED = (("ibis", "Table"), ("pyarrow", "Table"), ("pyarrow", "RecordBatch"))


class MemoryDataset(AbstractDataset[Any, Any]):
    """Keeps data in memory; copies it when it is saved and when it is loaded (CAT-42).

    ``copy_mode`` is ``deepcopy``, ``copy`` or ``assign``; by default it depends on the type of the data. Each run has
    datasets of its own, so a value is private to its run.
    """

    _EPHEMERAL = True

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        # Do not remember the arguments, as other datasets do: they hold data, which a release must drop.
        return object.__new__(cls)

    # The values that the constructor sets in a dataset without arguments.
    metadata: dict[str, object] | None = None
    _copy_mode: str | None = None
    _not_copied = IMMUTABLE_TYPES
    _data: Any = UNSET

    def __init__(
        self, data: object = UNSET, copy_mode: str | None = None, metadata: dict[str, object] | None = None
    ) -> None:
        self.metadata = metadata
        self._copy_mode = copy_mode
        # Immutable data is not copied, but an unknown mode must still fail.
        self._not_copied = IMMUTABLE_TYPES if copy_mode is None or copy_mode in _MODES else _NO_TYPES
        self._data = data if data is UNSET or type(data) in self._not_copied else self._copy_data(data)

    @classmethod
    def adopt(cls, data: object) -> "MemoryDataset":
        """Return a dataset that holds ``data`` itself: only loads copy, so the caller must not change it."""
        dataset = object.__new__(cls)
        dataset._data = data
        return dataset

    def load(self) -> Any:
        data = self._data
        if type(data) in self._not_copied:
            return data
        if data is UNSET:
            raise MissingDataError
        return self._copy_data(data)

    def save(self, data: object) -> None:
        self._data = data if type(data) in self._not_copied else self._copy_data(data)

    @property
    def held(self) -> Any:
        """The data itself, which the caller must not change; UNSET where there is none."""
        return self._data

    def replace_data(self, data: object) -> None:
        """Hold ``data`` itself from now on, as after `adopt`."""
        self._data = data

    def _exists(self) -> bool:
        return self._data is not UNSET

    def _release(self) -> None:
        self._data = UNSET

    def _describe(self) -> dict[str, object]:
        return {} if self._data is UNSET else {"data": f"<{type(self._data).__name__}>"}

    def _copy_data(self, data: Any) -> Any:
        return _copied(data, self._copy_mode or _copy_mode(data))


def copied(data: Any) -> Any:
    """Return ``data`` as a dataset in memory without options saves and loads it."""
    return data if type(data) in IMMUTABLE_TYPES else _copied(data, _copy_mode(data))


def _copied(data: Any, mode: str) -> Any:
    match mode:
        case "assign":
            return data
        case "copy":
            return data.copy() if hasattr(data, "copy") else copy.copy(data)
        case "deepcopy":
            return deep_copy(data)
    raise DatasetError(f"Invalid copy mode: {mode}. One of {', '.join(_MODES)} is expected.")


def _copy_mode(data: object) -> str:
    if any(_is_instance(data, *library_type) for library_type in _COPIED):
        return "copy"
    if type(data).__name__ == "DataFrame" or any(_is_instance(data, *kind) for kind in _ASSIGNED):
        return "assign"
    return "deepcopy"


def _is_instance(data: object, module: str, name: str) -> bool:
    cls = getattr(sys.modules.get(module), name, None)
    return isinstance(cls, type) and isinstance(data, cls)
