import pickle
from pathlib import Path

import pytest

from kedro_asgi.io import CachedDataset, DataCatalog, DatasetError, MemoryDataset, Version

FILE = "kedro_asgi.io.files.json.JSONDataset"


def test_saving_writes_through_and_loading_prefers_memory(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    dataset = CachedDataset({"type": FILE, "filepath": str(file)})
    dataset.save([1])
    assert file.read_text() == "[\n  1\n]"
    file.write_text("[2]")
    assert dataset.load() == [1]


def test_the_first_load_is_remembered_until_release(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    file.write_text("[1]")
    dataset = CachedDataset({"type": FILE, "filepath": str(file)})
    assert dataset.load() == [1]
    file.write_text("[2]")
    assert dataset.load() == [1]
    dataset.release()
    assert dataset.load() == [2]


def test_it_exists_if_the_inner_dataset_exists(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    dataset = CachedDataset({"type": FILE, "filepath": str(file)})
    assert not dataset.exists()
    file.write_text("1")
    assert dataset.exists()


def test_it_is_as_persistent_as_the_inner_dataset(tmp_path: Path) -> None:
    assert CachedDataset(MemoryDataset())._EPHEMERAL
    assert not CachedDataset({"type": FILE, "filepath": "x"})._EPHEMERAL
    assert CachedDataset._SINGLE_PROCESS


def test_versions_are_declared_on_the_outer_dataset(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    dataset = CachedDataset({"type": FILE, "filepath": str(file)}, version=Version(None, "a"))
    dataset.save(1)
    assert (file / "a" / "d.json").exists()
    with pytest.raises(DatasetError, match="versioned in the 'CachedDataset', not in the wrapped dataset"):
        CachedDataset({"type": FILE, "filepath": str(file), "versioned": True})


def test_an_object_that_is_no_dataset_is_refused() -> None:
    with pytest.raises(DatasetError, match="The argument type of 'dataset' should be either a dict/YAML"):
        CachedDataset(3)


def test_a_catalog_makes_one_with_versions(tmp_path: Path) -> None:
    entry = {
        "type": "CachedDataset",
        "versioned": True,
        "dataset": {"type": FILE, "filepath": str(tmp_path / "d")},
    }
    DataCatalog.from_config({"a": entry}, save_version="v").save("a", 1)
    assert (tmp_path / "d" / "v" / "d").exists()


def test_a_copy_does_not_take_the_cache_along(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    file.write_text("[1]")
    dataset = CachedDataset({"type": FILE, "filepath": str(file)}, copy_mode="assign")
    dataset._cache.save(lambda: "not picklable")
    found = pickle.loads(pickle.dumps(dataset))
    assert found.load() == [1]
    assert found.load() is found.load()
