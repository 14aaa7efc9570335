"""A catalog as a value: its configuration, copies and versions; datasets that are unusual objects."""

import copy
import pickle
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest
import yaml

from kedro_asgi.io import (
    AbstractDataset,
    CachedDataset,
    DataCatalog,
    DatasetError,
    SharedMemoryDataCatalog,
    Version,
    VersionAlreadyExistsError,
)
from kedro_asgi.io.files.json import JSONDataset


class Undescribed(AbstractDataset):
    """A dataset whose methods fail, and whose description is of no use."""

    described: Any = None

    def load(self) -> Any:
        raise ValueError("the real reason")

    def save(self, data: Any) -> None:
        raise ValueError("the real reason")

    def _describe(self) -> Any:
        if isinstance(self.described, Exception):
            raise self.described
        return self.described


@pytest.mark.parametrize("described", [None, [1], {1: "a"}, RuntimeError("no description")])
def test_a_wrong_description_does_not_hide_the_reason_of_a_failure(described: Any) -> None:
    dataset = Undescribed()
    dataset.described = described
    catalog = DataCatalog({"x": dataset})
    for act in (lambda: catalog.load("x"), lambda: catalog.save("x", 1)):
        with pytest.raises(DatasetError, match="(?s)Undescribed.*the real reason"):
            act()
    if not isinstance(described, Exception):
        assert repr(dataset).endswith("Undescribed()")


@pytest.mark.parametrize("mock", [Mock(), MagicMock(), MagicMock(spec=AbstractDataset)])
@pytest.mark.parametrize("put", ["constructor", "item", "cached"])
def test_a_mock_is_used_as_a_dataset(mock: Any, put: str) -> None:
    mock.load.return_value = 7
    match put:
        case "constructor":
            catalog = DataCatalog({"x": mock})
        case "item":
            catalog = DataCatalog()
            catalog["x"] = mock
        case _:
            catalog = DataCatalog({"x": CachedDataset(mock)})
            mock.exists.return_value = False
    assert catalog.load("x") == 7
    catalog.save("x", 5)
    mock.save.assert_called_with(5)
    if put == "constructor" and not mock._spec_class:
        catalog.confirm("x")
        mock.confirm.assert_called_once_with()
    assert catalog.save_version == catalog.save_version


VERSIONS = ("2020-01-01T00.00.00.000Z", "2021-01-01T00.00.00.000Z")


@pytest.fixture
def two_versions(tmp_path: Path) -> Path:
    for number, version in enumerate(VERSIONS):
        folder = tmp_path / "x.json" / version
        folder.mkdir(parents=True)
        (folder / "x.json").write_text(str(number))
    return tmp_path / "x.json"


@pytest.mark.parametrize("kind", ["entry", "object", "cached entry", "cached object"])
def test_a_round_trip_through_the_configuration_loads_the_same_version(two_versions: Path, kind: str) -> None:
    config = {"type": "json.JSONDataset", "filepath": str(two_versions)}
    cached = {"type": "CachedDataset", "dataset": config, "versioned": True}
    pinned = JSONDataset(filepath=str(two_versions), version=Version(VERSIONS[0], None))
    match kind:
        case "entry":
            catalog = DataCatalog.from_config({"x": {**config, "versioned": True}}, load_versions={"x": VERSIONS[0]})
        case "cached entry":
            catalog = DataCatalog.from_config({"x": cached}, load_versions={"x": VERSIONS[0]})
        case "object":
            catalog = DataCatalog({"x": pinned})
        case _:
            catalog = DataCatalog({"x": CachedDataset(pinned)})
    assert catalog.load("x") == 0
    again = yaml.safe_load(yaml.safe_dump(list(catalog.to_config())))
    assert DataCatalog.from_config(*again).load("x") == 0
    assert DataCatalog.from_config(*catalog.to_config()[:2]).load("x") == 1


def test_the_configuration_of_a_cached_dataset_holds_no_objects_and_no_credentials(tmp_path: Path) -> None:
    entries = {
        "x": {
            "type": "CachedDataset",
            "dataset": {"type": "json.JSONDataset", "filepath": "x.json", "credentials": {"key": "secret"}},
        }
    }
    catalog = DataCatalog.from_config(entries)
    catalog["y"] = CachedDataset(JSONDataset(filepath="y.json"), copy_mode="copy")
    for made in (catalog, DataCatalog.from_config(entries)):
        found = made.to_config()
        assert "secret" not in yaml.safe_dump(found.catalog)
        assert found.credentials == {"x_credentials": {"key": "secret"}}
    config = catalog.to_config().catalog["y"]
    assert (config["copy_mode"], config["dataset"]["filepath"]) == ("copy", "y.json")


def test_a_version_of_a_dataset_without_versions_cannot_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("1")
    catalog = DataCatalog.from_config({"x": {"type": "json.JSONDataset", "filepath": str(path)}})
    assert catalog.load("x") == 1
    with pytest.raises(DatasetError, match=VERSIONS[0]):
        catalog.load("x", version=VERSIONS[0])
    assert catalog.load("x") == 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda catalog: pickle.loads(pickle.dumps(catalog))])
@pytest.mark.parametrize("kind", [DataCatalog, SharedMemoryDataCatalog])
def test_catalogs_can_be_copied_and_pickled(two_versions: Path, copied: Any, kind: type[DataCatalog]) -> None:
    entries = {
        "x": {"type": "json.JSONDataset", "filepath": str(two_versions), "versioned": True},
        "{name}_model": {"type": "pickle.PickleDataset", "filepath": str(two_versions.parent / "{name}.pkl")},
    }
    catalog = kind.from_config(entries, load_versions={"x": VERSIONS[0]})
    catalog["memory"] = [1]
    catalog.add_parameters({"a": {"b": 5}})
    catalog.save("my_model", {"w": 1})
    found = copied(catalog)
    assert found.keys() == catalog.keys()
    assert (found.load("x"), found.load("my_model"), found.load("memory")) == (0, {"w": 1}, [1])
    assert found.load("params:a.b") == 5
    found["memory"] = [2]
    assert catalog.load("memory") == [1]


@pytest.mark.parametrize("dataset", ["x", 5, None, [1]])
def test_a_cached_dataset_needs_a_dataset(dataset: Any) -> None:
    with pytest.raises(ValueError, match="should be either a dict/YAML representation"):
        CachedDataset(dataset)


def test_a_dataset_that_is_put_brings_its_versions() -> None:
    versioned = JSONDataset(filepath="x.json", version=Version(*VERSIONS))
    with pytest.raises(VersionAlreadyExistsError, match="all datasets of this catalog save"):
        DataCatalog({"x": CachedDataset(versioned)}, save_version="another")
    catalog = DataCatalog({"x": versioned}, load_versions={"x": VERSIONS[1]})
    assert catalog.to_config().load_versions == {"x": VERSIONS[0]}
    catalog["x"] = JSONDataset(filepath="x.json")
    assert catalog.to_config().load_versions == {"x": None}


def test_a_notebook_completes_names() -> None:
    assert DataCatalog({"a": 1, "b": 2})._ipython_key_completions_() == ["a", "b"]
