"""Data that the processes of one run share, and the catalog of runs whose datasets themselves go to processes."""

import pickle
from collections.abc import MutableMapping
from multiprocessing.managers import SyncManager
from typing import Any, Self

from kedro_asgi.errors import DatasetError, MissingDataError, SingleProcessDatasetsError
from kedro_asgi.io.catalog import DataCatalog
from kedro_asgi.io.dataset import AbstractDataset
from kedro_asgi.io.dataset_protocols import Dataset

_DATA = "data"


class SharedMemoryDataset(AbstractDataset[Any, Any]):
    """Keeps data as bytes: in this process or, given a manager, in the manager's until that stops.

    With a manager the dataset itself can be pickled: every process that gets it sees the same data.
    """

    _EPHEMERAL = True

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        # Do not remember the arguments: a manager cannot be sent to another process.
        return object.__new__(cls)

    def __init__(self, manager: SyncManager | None = None) -> None:
        self._shared: MutableMapping[str, bytes] = {} if manager is None else manager.dict()

    def set_manager(self, manager: SyncManager) -> None:
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


class SharedMemoryDataCatalog(DataCatalog):
    """A catalog that keeps data without an entry in `SharedMemoryDataset`, so it must be serialisable (CAT-25).

    It is for a project's own runners that send datasets to other processes (RUN-35). `ParallelRunner` sends none and
    takes any catalog.
    """

    _default_class = SharedMemoryDataset

    def set_manager_datasets(self, manager: SyncManager) -> None:
        """Let the datasets in shared memory keep their data with ``manager``."""
        for dataset in self.registered.values():
            if isinstance(dataset, SharedMemoryDataset):
                dataset.set_manager(manager)

    def validate_catalog(self) -> None:
        """Raise `SingleProcessDatasetsError` for datasets made so far that cannot leave this process."""
        if names := sorted(name for name, dataset in self.registered.items() if not _can_leave_process(dataset)):
            raise SingleProcessDatasetsError(names)


def _can_leave_process(dataset: Dataset) -> bool:
    if getattr(dataset, "_SINGLE_PROCESS", False):
        return False
    try:
        pickle.dumps(dataset)
    except Exception:  # objects may raise anything from their __reduce__
        return False
    return True
