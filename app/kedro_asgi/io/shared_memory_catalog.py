"""A catalog whose data in memory other processes can read."""

from typing import TYPE_CHECKING

from kedro_asgi.errors import SingleProcessDatasetsError
from kedro_asgi.io.data_catalog import DataCatalog
from kedro_asgi.io.dataset_protocols import can_leave_process
from kedro_asgi.io.shared_memory_dataset import SharedMemoryDataset

if TYPE_CHECKING:
    from multiprocessing.managers import SyncManager


class SharedMemoryDataCatalog(DataCatalog):
    """A catalog that keeps data without an entry in `SharedMemoryDataset`, so it must be serialisable (CAT-25).

    It is for a project's own runners that send datasets to other processes (RUN-35). `ParallelRunner` sends none and
    takes any catalog.
    """

    _default_class = SharedMemoryDataset

    def set_manager_datasets(self, manager: "SyncManager") -> None:
        """Let the datasets in shared memory keep their data with ``manager``."""
        for dataset in self.registered.values():
            if isinstance(dataset, SharedMemoryDataset):
                dataset.set_manager(manager)

    def validate_catalog(self) -> None:
        """Raise `SingleProcessDatasetsError` for datasets made so far that cannot leave this process."""
        if names := sorted(name for name, dataset in self.registered.items() if not can_leave_process(dataset)):
            raise SingleProcessDatasetsError(names)
