"""Data that lives as long as its run."""

import copy
import sys
from typing import Any, Self

from msgspec import UNSET

from kedro_asgi.errors import DatasetError
from kedro_asgi.io.dataset import AbstractDataset
from kedro_asgi.io.tree import SCALARS, deep_copy

_NO_TYPES: frozenset[type[Any]] = frozenset()
_MODES = ("deepcopy", "copy", "assign")
# Looked up among the modules that are imported already: data of a library that is not imported cannot exist,
# and importing pandas to ask takes seconds.
_COPIED = (("pandas", "DataFrame"), ("numpy", "ndarray"))
_ASSIGNED = (("ibis", "Table"),)


class MemoryDataset(AbstractDataset[Any, Any]):
    """Keeps data in memory; copies it when it is saved and when it is loaded (CAT-42).

    ``copy_mode`` is ``deepcopy``, ``copy`` or ``assign``; by default the data decides. The runs of a project
    never share one, so a value is private to its run.
    """

    _EPHEMERAL = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        # Unlike others it does not remember its arguments: they hold data, which a release must let go of.
        return object.__new__(cls)

    def __init__(self, data: Any = UNSET, copy_mode: str | None = None, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata
        self._copy_mode = copy_mode
        # Copying what cannot change is skipped, but not the complaint about an unknown mode.
        self._as_is = SCALARS if copy_mode is None or copy_mode in _MODES else _NO_TYPES
        self._data = data if data is UNSET or type(data) in self._as_is else self._copied(data)

    @classmethod
    def adopt(cls, data: Any) -> "MemoryDataset":
        """Return a dataset that holds ``data`` itself; only loads copy, so it must not be changed elsewhere."""
        dataset = cls()
        dataset._data = data
        return dataset

    def load(self) -> Any:
        data = self._data
        if type(data) in self._as_is:
            return data
        if data is UNSET:
            raise DatasetError("Data for MemoryDataset has not been saved yet.")
        return self._copied(data)

    def save(self, data: Any) -> None:
        self._data = data if type(data) in self._as_is else self._copied(data)

    def _exists(self) -> bool:
        return self._data is not UNSET

    def _release(self) -> None:
        self._data = UNSET

    def _describe(self) -> dict[str, Any]:
        return {} if self._data is UNSET else {"data": f"<{type(self._data).__name__}>"}

    def _copied(self, data: Any) -> Any:
        match self._copy_mode or _copy_mode(data):
            case "assign":
                return data
            case "copy":
                return data.copy() if hasattr(data, "copy") else copy.copy(data)
            case "deepcopy":
                return deep_copy(data)
            case mode:
                raise DatasetError(f"Invalid copy mode: {mode}. One of {', '.join(_MODES)} is expected.")


def _copy_mode(data: Any) -> str:
    if any(_is_instance(data, *library_type) for library_type in _COPIED):
        return "copy"
    if type(data).__name__ == "DataFrame" or any(_is_instance(data, *kind) for kind in _ASSIGNED):
        return "assign"
    return "deepcopy"


def _is_instance(data: Any, module: str, name: str) -> bool:
    cls = getattr(sys.modules.get(module), name, None)
    return isinstance(cls, type) and isinstance(data, cls)
