"""Data in memory that needs no dataset: what nodes pass to each other, and parameters."""

from typing import Any

from msgspec import UNSET

from kedro_asgi.io.copying import IMMUTABLE_TYPES
from kedro_asgi.io.dataset_protocols import Dataset
from kedro_asgi.io.memory_dataset import MemoryDataset, copied


class MemorySlots(dict[str, Any]):
    """The data of one run by the names of its datasets; UNSET where there is none, before a save and after a release.

    A slot behaves like a `MemoryDataset` without options, and costs less: no code constructs it, and the garbage
    collector does not see it. Data stays in its slot until code asks for its dataset. The caller of `move_to` holds the
    lock of the catalog; loads, saves and releases need none.
    """

    def move_to(self, name: str, datasets: dict[str, Dataset]) -> MemoryDataset:
        """Put a dataset with the data of a slot into ``datasets``, and remove the slot."""
        dataset = MemoryDataset.adopt(self[name])
        # Another thread finds the slot or the dataset at each moment, and may save into the slot until that goes.
        datasets[name] = dataset
        dataset.replace_data(self.pop(name))
        return dataset


def try_copy(data: Any) -> Any:
    """Return ``data`` as a slot keeps it, and as a node gets it: a copy, unless it is immutable.

    UNSET where a dataset has to report that copying fails.
    """
    if type(data) in IMMUTABLE_TYPES or data is UNSET:
        return data
    try:
        return copied(data)
    except Exception:  # objects may raise anything when they are copied
        return UNSET
