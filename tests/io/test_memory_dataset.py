import subprocess
import sys
import threading
import weakref

import pandas as pd
import pyarrow as pa
import pytest

from kedro_asgi.io import DatasetError, MemoryDataset


class Frame:
    pass


DataFrame = type("DataFrame", (), {})


def test_saved_data_is_loaded() -> None:
    dataset = MemoryDataset()
    dataset.save({"a": [1]})
    assert dataset.load() == {"a": [1]}


def test_a_change_after_saving_is_not_seen() -> None:
    data = {"a": [1]}
    dataset = MemoryDataset()
    dataset.save(data)
    data["a"].append(2)
    assert dataset.load() == {"a": [1]}


@pytest.mark.parametrize("data", [[1, 2], {"a": 1}, [{"a": 1}], {"a": [1]}, {(1, 2): 3}, {1, 2}])
def test_each_load_gives_its_own_copy(data: object) -> None:
    dataset = MemoryDataset(data)
    first, second = dataset.load(), dataset.load()
    assert first == second == data
    assert first is not second
    assert first is not data


def test_a_subclass_of_list_keeps_its_class() -> None:
    class Rows(list[int]):
        pass

    assert type(MemoryDataset(Rows([1])).load()) is Rows


def test_objects_shared_inside_the_data_stay_shared() -> None:
    inner: list[int] = []
    first, second = MemoryDataset([inner, inner]).load()
    assert first is second


@pytest.mark.parametrize("data", [1, 1.5, "text", True, b"bytes", None])
def test_immutable_data_is_not_copied(data: object) -> None:
    assert MemoryDataset(data).load() is data


def test_a_data_frame_is_copied_as_a_whole() -> None:
    frame = pd.DataFrame({"a": [1]})
    dataset = MemoryDataset(frame)
    loaded = dataset.load()
    loaded.loc[0, "a"] = 2
    assert dataset.load().loc[0, "a"] == 1


def test_any_class_called_data_frame_is_assigned() -> None:
    frame = DataFrame()
    dataset = MemoryDataset()
    dataset.save(frame)
    assert dataset.load() is frame


@pytest.mark.parametrize(
    ("mode", "is_same_list", "is_same_item"), [("assign", 1, 1), ("copy", 0, 1), ("deepcopy", 0, 0)]
)
def test_an_explicit_copy_mode_wins(mode: str, is_same_list: int, is_same_item: int) -> None:
    data = [Frame()]
    dataset = MemoryDataset(data, copy_mode=mode)
    assert (dataset.load() is data) == is_same_list
    assert (dataset.load()[0] is data[0]) == is_same_item


@pytest.mark.parametrize("data", [1, [1]])
def test_an_unknown_copy_mode_is_an_error_of_the_first_save(data: object) -> None:
    dataset = MemoryDataset(copy_mode="bad")
    with pytest.raises(DatasetError, match=r"Invalid copy mode: bad\."):
        dataset.save(data)


def test_loading_before_saving_is_an_error() -> None:
    with pytest.raises(DatasetError, match=r"Data for MemoryDataset has not been saved yet\."):
        MemoryDataset().load()


def test_none_is_refused_by_save_but_not_by_the_constructor() -> None:
    with pytest.raises(DatasetError, match="Saving 'None' to a 'Dataset' is not allowed"):
        MemoryDataset().save(None)
    assert MemoryDataset(None).exists()


def test_release_forgets_the_data_and_frees_it() -> None:
    data = Frame()
    dataset = MemoryDataset(data, copy_mode="assign")
    watched = weakref.ref(data)
    del data
    dataset.release()
    assert not dataset.exists()
    assert watched() is None


def test_data_that_cannot_be_copied_is_an_error_that_names_the_dataset() -> None:
    message = r"(?s)Failed while saving data to dataset .*MemoryDataset\(\).\ncannot pickle '_thread.lock' object"
    with pytest.raises(DatasetError, match=message):
        MemoryDataset().save(threading.Lock())
    with pytest.raises(TypeError):
        MemoryDataset(threading.Lock())


def test_adopted_data_is_copied_only_by_loads() -> None:
    data = {"a": [1]}
    loaded = MemoryDataset.adopt(data).load()
    data["a"].append(2)
    assert loaded == {"a": [1]}


def test_repr_shows_the_type_of_the_data_and_not_the_data() -> None:
    assert repr(MemoryDataset("secret")) == "kedro_asgi.io.memory_dataset.MemoryDataset(data='<str>')"
    assert repr(MemoryDataset()) == "kedro_asgi.io.memory_dataset.MemoryDataset()"


def test_choosing_a_copy_mode_imports_no_library() -> None:
    code = (
        "import sys; from kedro_asgi.io import MemoryDataset; MemoryDataset([[1]]).load();"
        "print([name for name in ('pandas', 'numpy', 'ibis', 'kedro') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_table_of_arrow_is_not_copied_since_nobody_can_change_it() -> None:
    table = pa.table({"n": [1]})
    dataset = MemoryDataset(table)
    assert dataset.load() is table
