"""Data that the processes of one run share."""

import pickle
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Self

from kedro_asgi.errors import DatasetError, MissingDataError
from kedro_asgi.io.dataset import AbstractDataset

if TYPE_CHECKING:
    from multiprocessing.managers import SyncManager

_DATA = "data"


class SharedMemoryDataset(AbstractDataset[Any, Any]):
    """Keeps data as bytes: in this process or, given a manager, in the manager's until that stops.

    With a manager the dataset itself can be pickled: every process that gets it sees the same data.
    """

    _EPHEMERAL = True

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        # Do not remember the arguments: a manager cannot be sent to another process.
        return object.__new__(cls)

    def __init__(self, manager: "SyncManager | None" = None) -> None:
        self._shared: MutableMapping[str, bytes] = {} if manager is None else manager.dict()

    def set_manager(self, manager: "SyncManager") -> None:
        """Keep the data with ``manager`` from now on; data saved before can no longer be loaded."""
        self._shared = manager.dict()

    def load(self) -> Any:
        content = self._shared.get(_DATA)
        if content is None:
            raise MissingDataError
        return pickle.loads(content)

    def save(self, data: object) -> None:
        try:
            content = pickle.dumps(data, protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # objects may raise anything from their __reduce__
            raise DatasetError(
                f"{type(data)} cannot be serialised. ParallelRunner implicit memory datasets can only be used "
                "with serialisable data"
            ) from error
        self._shared[_DATA] = content

    def _exists(self) -> bool:
        return _DATA in self._shared

    def _release(self) -> None:
        self._shared.pop(_DATA, None)

    def _describe(self) -> dict[str, object]:
        return {}
