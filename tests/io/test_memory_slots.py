"""Data in memory behaves alike in slots and in datasets."""

import pickle
import threading
from typing import Any

import pytest

from kedro_asgi.errors import DatasetError
from kedro_asgi.io import DataCatalog, MemoryDataset

NAMES = ("params:a", "x", "y")


@pytest.fixture(params=[True, False], ids=["datasets", "slots"])
def prepared(request: pytest.FixtureRequest) -> DataCatalog:
    catalog = DataCatalog({"given": MemoryDataset(0)})
    catalog.add_parameters({"a": [1]})
    catalog.prepare((*NAMES, "given"), is_seen=request.param)
    return catalog


def test_what_is_saved_and_what_is_loaded_are_copies(prepared: DataCatalog) -> None:
    data = [1, {"a": 2}]
    prepared.save("x", data)
    data.append(3)
    prepared.load("x").append(4)
    prepared.load("params:a").append(2)
    assert (prepared.load("x"), prepared.load("params:a")) == ([1, {"a": 2}], [1])


def test_a_released_dataset_is_known_and_has_no_data(prepared: DataCatalog) -> None:
    prepared.save("x", 1)
    prepared.release("x")
    with pytest.raises(DatasetError, match=r"^x: Data for MemoryDataset has not been saved yet"):
        prepared.load("x")
    assert "x" in prepared
    assert not prepared.exists("x")


def test_what_is_kept_is_not_released(prepared: DataCatalog) -> None:
    prepared.kept = frozenset({"x"})
    prepared.save("x", 1)
    prepared.release("x")
    assert prepared.load("x") == 1


@pytest.mark.parametrize(("data", "told"), [(None, "Saving 'None'"), (threading.Lock(), "Failed while saving data")])
def test_data_that_cannot_be_saved_is_refused(prepared: DataCatalog, data: object, told: str) -> None:
    with pytest.raises(DatasetError, match=f"^x: {told}"):
        prepared.save("x", data)
    assert not prepared.exists("x")


def test_who_asks_finds_datasets_with_the_data(prepared: DataCatalog) -> None:
    prepared.save("x", [1])
    assert sorted(prepared.keys()) == sorted(["parameters", *NAMES, "given"])
    assert {name: type(found) for name, found in prepared.registered.items()} == dict.fromkeys(
        ["given", *NAMES], MemoryDataset
    )
    assert prepared["x"].load() == [1]
    prepared["x"].save([2])
    assert prepared.load("x") == [2]
    assert prepared.results(["x", "y"]) == {"x": prepared["x"], "y": prepared["y"]}


def test_a_dataset_can_be_put_in_place_of_the_data(prepared: DataCatalog) -> None:
    prepared.save("x", 1)
    prepared["x"] = MemoryDataset(2)
    assert prepared.load("x") == 2


def test_the_data_goes_with_a_pickled_catalog(prepared: DataCatalog) -> None:
    prepared.save("x", [1])
    assert pickle.loads(pickle.dumps(prepared)).load("x") == [1]


def test_nothing_in_memory_outlives_the_run(prepared: DataCatalog) -> None:
    assert not prepared.is_persistent("x")


def test_a_dataset_that_another_thread_asks_for_gets_what_is_saved_meanwhile() -> None:
    catalog = DataCatalog()
    catalog.prepare(NAMES, is_seen=False)

    class Data:
        def __deepcopy__(self, memo: object) -> int:
            # The other thread asks while this one copies, between the look at the slot and the save.
            asker = threading.Thread(target=catalog.get, args=("x",))
            asker.start()
            asker.join()
            return 7

    catalog.save("x", Data())
    assert (catalog.load("x"), catalog["x"].load()) == (7, 7)


def test_a_catalog_class_of_a_project_sees_every_dataset() -> None:
    class Own(DataCatalog):
        def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
            asked.append(key)
            return super().get(key, *args, **kwargs)

    asked: list[str] = []
    Own().prepare(NAMES, is_seen=False)
    assert asked == list(NAMES)
