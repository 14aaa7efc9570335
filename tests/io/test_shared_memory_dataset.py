import multiprocessing
import threading
from collections.abc import Iterator
from multiprocessing.managers import SyncManager

import pytest

from kedro_asgi.io import (
    CachedDataset,
    DataCatalog,
    DatasetError,
    MemoryDataset,
    SharedMemoryDataCatalog,
    SharedMemoryDataset,
)


@pytest.fixture
def manager() -> Iterator[SyncManager]:
    with multiprocessing.get_context("spawn").Manager() as manager:
        yield manager


def _double(dataset: SharedMemoryDataset) -> None:
    dataset.save(2 * dataset.load())


def _put(dataset: SharedMemoryDataset) -> None:
    dataset.save(5)


def test_processes_share_the_data_and_release_forgets_it(manager: SyncManager) -> None:
    dataset = SharedMemoryDataset(manager)
    dataset.save(3)
    child = multiprocessing.get_context("spawn").Process(target=_double, args=(dataset,))
    child.start()
    child.join()
    assert dataset.load() == 6
    dataset.release()
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="has not been saved yet"):
        dataset.load()


def test_data_that_cannot_be_pickled_is_refused(manager: SyncManager) -> None:
    message = "cannot be serialised. ParallelRunner implicit memory datasets can only be used with serialisable data"
    with pytest.raises(DatasetError, match=message):
        SharedMemoryDataset(manager).save(threading.Lock())


def test_it_ends_with_its_manager() -> None:
    with multiprocessing.get_context("spawn").Manager() as manager:
        dataset = SharedMemoryDataset()
        dataset.set_manager(manager)
        dataset.save(1)
    with pytest.raises(DatasetError, match="Failed while loading data from"):
        dataset.load()


def test_data_without_an_entry_must_be_serialisable_in_a_shared_catalog() -> None:
    catalog = SharedMemoryDataCatalog()
    assert type(catalog.get("y", fallback_to_runtime_pattern=True)) is SharedMemoryDataset
    with pytest.raises(DatasetError, match="cannot be serialised"):
        catalog.save("y", (n for n in range(2)))


def test_without_a_manager_data_stays_in_this_process() -> None:
    dataset = SharedMemoryDataset()
    assert not dataset.exists()
    data = [1]
    dataset.save(data)
    data.append(2)
    assert dataset.load() == [1]


def test_a_catalog_entry_can_name_it() -> None:
    catalog = DataCatalog.from_config({"x": {"type": "SharedMemoryDataset"}})
    catalog.save("x", 1)
    assert catalog.load("x") == 1


def test_a_shared_catalog_passes_its_manager_to_datasets(manager: SyncManager) -> None:
    catalog = SharedMemoryDataCatalog({"x": SharedMemoryDataset(), "y": 1})
    catalog.set_manager_datasets(manager)
    child = multiprocessing.get_context("spawn").Process(target=_put, args=(catalog["x"],))
    child.start()
    child.join()
    assert catalog.load("x") == 5


def test_a_shared_catalog_names_datasets_that_cannot_leave_the_process() -> None:
    catalog = SharedMemoryDataCatalog(
        {
            "cached": CachedDataset(dataset={"type": "MemoryDataset"}),
            "lock": MemoryDataset(threading.Lock(), copy_mode="assign"),
            "fine": 1,
        }
    )
    message = r"The following datasets cannot be used with multiprocessing: \['cached', 'lock'\]"
    with pytest.raises(AttributeError, match=message):
        catalog.validate_catalog()
