"""Datasets that a worker process loads and saves, because their values cannot be sent to or from it."""

from typing import Any

from kedro_asgi.io import DataCatalog
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.io.dataset_protocols import Dataset
from kedro_asgi.runner.portable_struct import PortableStruct
from kedro_asgi.validation import ValidatorSpec


class RemoteDataset(PortableStruct, frozen=True, kw_only=True, eq=False):
    """A dataset on its way to a worker process, which uses it as the catalog of the run would."""

    name: str
    dataset: Dataset
    validator: ValidatorSpec | None

    @classmethod
    def of(cls, catalog: DataCatalog, name: str) -> "RemoteDataset":
        """Return the dataset ``name`` of a catalog."""
        return cls(name=name, dataset=catalog[name], validator=catalog.active_validator(name))

    def load(self) -> Any:
        """Load the data in this process."""
        return self._catalog().load(self.name)

    def save(self, data: Any) -> None:
        """Save data of this process."""
        self._catalog().save(self.name, data)

    def _catalog(self) -> DataCatalog:
        return DataCatalog.of_one(self.name, self.dataset, validator=self.validator)


class KeptOutput(PortableStruct, frozen=True, kw_only=True, eq=True):
    """An output that cannot leave its worker process, which keeps it until it is saved; hooks see this in its place."""

    node: str
    output: str
    type: str


def can_be_remote(catalog: DataCatalog, name: str) -> bool:
    """Tell whether other processes can load and save a dataset: it does not live in the memory of this one."""
    dataset = catalog[name]
    return is_persistent(dataset) and not getattr(dataset, "_SINGLE_PROCESS", False)
