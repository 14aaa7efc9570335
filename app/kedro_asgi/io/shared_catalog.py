"""The catalog of runs whose datasets themselves go to other processes."""

import pickle
from multiprocessing.managers import SyncManager

from kedro_asgi.errors import SingleProcessDatasetsError
from kedro_asgi.io.base import Dataset
from kedro_asgi.io.catalog import DataCatalog
from kedro_asgi.io.shared import SharedMemoryDataset


class SharedMemoryDataCatalog(DataCatalog):
    """A catalog in which data that no entry knows must be serialisable (CAT-25, RUN-38).

    It is for runners of a project's own that send datasets to other processes (RUN-35); `ParallelRunner` sends none,
    and takes any catalog (Q-31).
    """

    _runtime_default = "SharedMemoryDataset"

    def set_manager_datasets(self, manager: SyncManager) -> None:
        """Let the datasets in shared memory keep their data with ``manager``."""
        for dataset in self.registered.values():
            if isinstance(dataset, SharedMemoryDataset):
                dataset.set_manager(manager)

    def validate_catalog(self) -> None:
        """Raise `SingleProcessDatasetsError` for datasets made so far that cannot leave this process (RUN-36)."""
        if stuck := sorted(name for name, dataset in self.registered.items() if _is_stuck(dataset)):
            raise SingleProcessDatasetsError(stuck)


def _is_stuck(dataset: Dataset) -> bool:
    if getattr(dataset, "_SINGLE_PROCESS", False):
        return True
    try:
        pickle.dumps(dataset)
    except Exception:  # objects may raise anything from their __reduce__
        return True
    return False
