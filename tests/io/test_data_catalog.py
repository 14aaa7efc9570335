import logging
import threading
from pathlib import Path
from typing import Any

import kedro.io
import kedro_datasets.json
import pytest

from kedro_asgi.io import (
    AbstractDataset,
    CatalogResolver,
    DataCatalog,
    DatasetError,
    DatasetNotFoundError,
    MemoryDataset,
    Version,
    VersionAlreadyExistsError,
    VersionNotFoundError,
)
from kedro_asgi.io.entry import plain_entries
from kedro_asgi.io.files.json import JSONDataset

JSON = "kedro_asgi.io.files.json.JSONDataset"
MEMORY = {"type": "MemoryDataset"}


class Angry(AbstractDataset[Any, Any]):
    def load(self) -> Any:
        raise ValueError("no")

    def save(self, data: Any) -> None:
        raise FileNotFoundError("no")

    def _describe(self) -> dict[str, Any]:
        return {}


class Structural:
    """A class of a project that extends nothing."""

    made = 0

    def __init__(self, error: str | None = None) -> None:
        Structural.made += 1
        self.error = error
        self.data: Any = None

    def load(self) -> Any:
        if self.error:
            raise ValueError(self.error)
        return self.data

    def save(self, data: Any) -> None:
        if self.error:
            raise FileNotFoundError(self.error)
        self.data = data

    def __repr__(self) -> str:
        return "Structural(s3://u:p@b)"


class OfKedro(kedro.io.AbstractDataset[Any, Any]):
    def load(self) -> Any:
        raise ValueError("no")

    def save(self, data: Any) -> None:
        raise FileNotFoundError("no")

    def _describe(self) -> dict[str, Any]:
        return {}


def test_saved_data_is_loaded() -> None:
    catalog = DataCatalog.from_config({"a": MEMORY})
    catalog.save("a", [1])
    assert catalog.load("a") == [1]


def test_datasets_are_made_on_first_use_and_kept() -> None:
    Structural.made = 0
    catalog = DataCatalog.from_config({"a": {"type": f"{__name__}.Structural"}})
    assert Structural.made == 0
    assert catalog["a"] is catalog["a"] is catalog.get("a")
    assert Structural.made == 1


def test_catalogs_over_one_resolver_share_nothing() -> None:
    resolver = CatalogResolver(plain_entries({"a": MEMORY}))
    first, second = DataCatalog(config_resolver=resolver), DataCatalog(config_resolver=resolver)
    first.save("a", 1)
    assert not second.exists("a")


def test_threads_get_the_same_dataset() -> None:
    Structural.made = 0
    catalog = DataCatalog.from_config({"{x}": {"type": f"{__name__}.Structural"}})
    barrier = threading.Barrier(8)

    def get() -> None:
        barrier.wait()
        catalog.get("a")

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Structural.made == 1


@pytest.mark.parametrize("verb", ["load", "release", "confirm", "__getitem__"])
def test_an_unknown_name_is_an_error(verb: str) -> None:
    with pytest.raises(DatasetNotFoundError, match="^Dataset 'z' not found in the catalog$"):
        getattr(DataCatalog(), verb)("z")
    with pytest.raises(DatasetNotFoundError):
        DataCatalog().save("z", 1)


def test_an_unknown_name_does_not_exist_and_get_returns_none() -> None:
    catalog = DataCatalog()
    assert not catalog.exists("z")
    assert catalog.get("z") is None
    assert "z" not in catalog


def test_the_fallback_registers_a_dataset_in_memory() -> None:
    catalog = DataCatalog()
    assert isinstance(catalog.get("z", fallback_to_runtime_pattern=True), MemoryDataset)
    assert catalog.keys() == ["z"]
    assert "z" in catalog


def test_names_that_match_patterns_are_members_and_are_listed_after_use() -> None:
    catalog = DataCatalog.from_config({"a_{x}": MEMORY})
    assert "a_1" in catalog
    assert catalog.keys() == []
    catalog.save("a_1", 1)
    assert catalog.keys() == ["a_1"]


def test_errors_begin_with_the_name_and_have_the_inner_error_as_cause() -> None:
    with pytest.raises(DatasetError, match=r"^a: Data for MemoryDataset has not been saved yet\. Give") as caught:
        DataCatalog.from_config({"a": MEMORY}).load("a")
    assert isinstance(caught.value.__cause__, DatasetError)
    with pytest.raises(DatasetError, match="^a: Saving 'None' to a 'Dataset' is not allowed$"):
        DataCatalog.from_config({"a": MEMORY}).save("a", None)


def test_other_errors_of_save_pass() -> None:
    for dataset in (Angry(), OfKedro()):
        with pytest.raises(FileNotFoundError, match="^no$"):
            DataCatalog({"a": dataset}).save("a", 1)


def test_errors_of_kedros_datasets_become_ours() -> None:
    catalog = DataCatalog({"a": OfKedro()})
    with pytest.raises(DatasetError, match=r"^a: Failed while loading data from dataset .*OfKedro\(\)\.\nno$"):
        catalog.load("a")
    with pytest.raises(DatasetError, match="^a: Saving 'None' to a 'Dataset' is not allowed$"):
        catalog.save("a", None)


def test_errors_of_classes_that_extend_nothing_are_wrapped_and_redacted() -> None:
    catalog = DataCatalog({"a": Structural("at s3://u:p@b")})
    with pytest.raises(
        DatasetError, match=r"^a: Failed while loading data from dataset Structural\(.*\nat s3:"
    ) as caught:
        catalog.load("a")
    assert "u:p" not in str(caught.value)
    with pytest.raises(DatasetError, match="^a: Failed while saving data to dataset"):
        catalog.save("a", 1)


def test_a_class_that_extends_nothing_need_not_exist_or_release(caplog: pytest.LogCaptureFixture) -> None:
    catalog = DataCatalog({"a": Structural()})
    catalog.release("a")
    assert not catalog.exists("a")
    assert "'exists()' not implemented for 'Structural'" in caplog.text
    with pytest.raises(DatasetError, match="^a: Saving 'None'"):
        catalog.save("a", None)


def test_datasets_of_kedro_datasets_load_save_and_know_versions(tmp_path: Path) -> None:
    entry = {"type": "json.JSONDataset", "filepath": str(tmp_path / "d.json"), "versioned": True}
    for version in ("a", "b"):
        DataCatalog.from_config({"x": entry}, save_version=version).save("x", version)
    catalog = DataCatalog.from_config({"x": entry})
    assert isinstance(catalog["x"], kedro_datasets.json.JSONDataset)
    assert (catalog.load("x"), catalog.load("x", version="a"), catalog.load("x")) == ("b", "a", "b")
    assert DataCatalog.from_config({"x": entry}, load_versions={"x": "a"}).load("x") == "a"


def test_a_version_is_loaded_from_a_copy(tmp_path: Path) -> None:
    entry = {"type": JSON, "filepath": str(tmp_path / "d.json"), "versioned": True}
    for version in ("a", "b"):
        DataCatalog.from_config({"x": entry}, save_version=version).save("x", version)
    catalog = DataCatalog.from_config({"x": entry})
    assert (catalog.load("x"), catalog.load("x", version="a"), catalog.load("x")) == ("b", "a", "b")
    for version in ("a", Version("a", None), kedro.io.Version("a", None)):
        copied = catalog.get("x", version=version)
        assert isinstance(copied, JSONDataset)
        assert copied.resolve_load_version() == "a"


def test_a_version_of_a_dataset_without_versions_is_ignored() -> None:
    assert DataCatalog({"a": MemoryDataset(1)}).load("a", version="x") == 1


def test_the_error_of_a_missing_version_begins_with_the_name(tmp_path: Path) -> None:
    entry = {"type": JSON, "filepath": str(tmp_path / "d.json"), "versioned": True}
    with pytest.raises(DatasetError, match="^x: Did not find any versions for") as caught:
        DataCatalog.from_config({"x": entry}).load("x")
    assert isinstance(caught.value.__cause__, VersionNotFoundError)


def test_load_versions_name_entries_or_patterns_but_not_the_catch_all() -> None:
    catalog = {"a": MEMORY, "b_{x}": MEMORY, "{any}": MEMORY}
    DataCatalog.from_config(catalog, load_versions={"a": "1", "b_1": "1"})
    message = r"^'load_versions' keys \[params:p, yy, zz\] are not found in the catalog\.$"
    with pytest.raises(DatasetNotFoundError, match=message):
        DataCatalog.from_config(catalog, load_versions={"zz": "1", "yy": "2", "a": "3", "params:p": "4"})


def test_a_misspelt_name_in_load_versions_is_told_its_match() -> None:
    with pytest.raises(DatasetNotFoundError, match=r"not found in the catalog\. Did you mean 'model'\?$"):
        DataCatalog.from_config({"model": MEMORY}, load_versions={"modle": "1"})


def test_all_versioned_datasets_save_one_version(tmp_path: Path) -> None:
    entry = {"type": JSON, "filepath": str(tmp_path / "a"), "versioned": True}
    catalog = DataCatalog.from_config({"a": entry, "{x}": entry})
    versions = {getattr(catalog[name], "_version").save for name in ("a", "b")}  # noqa: B009
    assert versions == {catalog.save_version}


def test_a_dataset_of_another_save_version_is_refused() -> None:
    catalog = DataCatalog({"a": JSONDataset(filepath="a", version=Version(None, "one"))})
    assert catalog.save_version == "one"
    with pytest.raises(VersionAlreadyExistsError, match="Cannot add a dataset `b` with `two` save version"):
        catalog["b"] = JSONDataset(filepath="b", version=Version(None, "two"))


def test_assigned_data_is_wrapped_and_assigned_datasets_are_not(caplog: pytest.LogCaptureFixture) -> None:
    catalog = DataCatalog.from_config({"a": MEMORY})
    dataset = MemoryDataset(2)
    catalog["a"] = [1]
    catalog["b"] = dataset
    assert catalog.load("a") == [1]
    assert catalog["b"] is dataset
    assert caplog.messages == ["Replacing dataset 'a'"]


def test_data_that_happens_to_load_and_save_is_data() -> None:
    catalog = DataCatalog()
    catalog["model"] = Structural()
    assert isinstance(catalog["model"], MemoryDataset)


def test_a_given_dataset_wins_over_its_entry(caplog: pytest.LogCaptureFixture) -> None:
    resolver = CatalogResolver(plain_entries({"a": {"type": "nope.X"}}))
    assert DataCatalog({"a": MemoryDataset(1)}, resolver).load("a") == 1
    assert "'a' is given as an object" in caplog.text


def test_names_are_listed_unused_first_then_in_order_of_use() -> None:
    catalog = DataCatalog.from_config({"a": MEMORY, "b": MEMORY, "c": MEMORY})
    catalog.get("b")
    catalog.get("a")
    assert list(catalog) == catalog.keys() == ["c", "b", "a"]
    assert len(catalog) == 3
    assert [name for name, _ in catalog.items()] == ["c", "b", "a"]
    assert all(isinstance(dataset, MemoryDataset) for dataset in catalog.values())


def test_a_replaced_dataset_is_listed_last() -> None:
    catalog = DataCatalog.from_config({"a": MEMORY})
    catalog["n"], catalog["a"], catalog["n"] = 1, 2, 3
    assert catalog.keys() == ["a", "n"]


def test_names_are_filtered_by_name_and_type() -> None:
    catalog = DataCatalog(
        {"m": MemoryDataset(1)}, CatalogResolver(plain_entries({"j": {"type": JSON, "filepath": "x"}}))
    )
    assert catalog.filter(name_regex="^j") == ["j"]
    assert catalog.filter(type_regex="memory") == ["m"]
    assert catalog.filter(by_type=JSONDataset) == ["j"]
    assert catalog.filter(by_type=[MemoryDataset, JSONDataset]) == ["j", "m"]
    assert catalog.filter(by_type=AbstractDataset) == []
    assert catalog.filter(name_regex="m", by_type=JSONDataset) == []


def test_get_type_does_not_make_the_dataset() -> None:
    catalog = DataCatalog.from_config({"j_{x}": {"type": JSON, "filepath": "{x}"}})
    assert catalog.get_type("j_1") == JSON
    assert catalog.get_type("z") is None
    assert catalog.keys() == []


def test_confirm_needs_a_method(caplog: pytest.LogCaptureFixture) -> None:
    class Confirming(MemoryDataset):
        def confirm(self) -> None:
            self.save("confirmed")

    catalog = DataCatalog({"a": Confirming(), "m": MemoryDataset()})
    with caplog.at_level(logging.INFO):
        catalog.confirm("a")
    assert catalog.load("a") == "confirmed"
    assert "Confirming dataset 'a'" in caplog.text
    with pytest.raises(DatasetError, match="^Dataset 'm' does not have 'confirm' method$"):
        catalog.confirm("m")


def test_loads_and_saves_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    catalog = DataCatalog.from_config({"a": MEMORY})
    with caplog.at_level(logging.INFO):
        catalog.save("a", 1)
        catalog.load("a")
    assert caplog.messages == ["Saving data to a (MemoryDataset)...", "Loading data from a (MemoryDataset)..."]


def test_release_drops_data_except_of_kept_datasets() -> None:
    catalog = DataCatalog({"a": MemoryDataset(1), "b": MemoryDataset(2)})
    catalog.kept = frozenset({"b"})
    catalog.release("a")
    catalog.release("b")
    assert not catalog.exists("a")
    assert catalog.load("b") == 2


def test_injected_data_takes_the_place_of_a_dataset() -> None:
    catalog = DataCatalog.from_config({"a": {"type": "nope.X"}})
    catalog.inject("a", None)
    assert catalog.load("a") is None


def test_parameters_are_datasets_that_load_copies() -> None:
    parameters = {"a": {"b": [1]}}
    catalog = DataCatalog()
    catalog.add_parameters(parameters)
    catalog.load("params:a.b").append(2)
    catalog.load("parameters")["a"] = None
    assert catalog.load("params:a") == {"b": [1]}
    assert parameters == {"a": {"b": [1]}}


def test_a_parameter_can_be_saved_for_this_catalog() -> None:
    parameters = {"a": None}
    catalog = DataCatalog()
    catalog.add_parameters(parameters)
    assert catalog.load("params:a") is None
    catalog.save("params:a", 2)
    assert catalog.load("params:a") == 2
    assert parameters == {"a": None}


def test_parameters_win_over_entries_and_are_listed() -> None:
    catalog = DataCatalog.from_config({"x": MEMORY, "params:a": {"type": "nope.X"}})
    catalog["params:b"] = "before"
    catalog.add_parameters({"a": 1, "b": {"c": 2}})
    assert (catalog.load("params:a"), catalog.load("params:b")) == (1, {"c": 2})
    assert catalog.keys() == ["x", "parameters", "params:a", "params:b", "params:b.c"]
    assert "params:b.c" in catalog
    assert "params:z" not in catalog
    assert catalog.get_type("params:b.c") == "kedro_asgi.io.memory_dataset.MemoryDataset"


def test_flat_parameters_are_a_copy() -> None:
    catalog = DataCatalog()
    assert catalog.flat_parameters() == {}
    catalog.add_parameters({"a": {"b": [1]}})
    flat = catalog.flat_parameters()
    assert flat == {"parameters": {"a": {"b": [1]}}, "params:a": {"b": [1]}, "params:a.b": [1]}
    flat["params:a.b"].append(2)
    assert catalog.load("params:a.b") == [1]


def test_a_hook_may_replace_a_parameter() -> None:
    catalog = DataCatalog()
    catalog.add_parameters({"a": 1})
    catalog["params:a"] = 5
    assert catalog.load("params:a") == 5
    assert catalog.keys() == ["parameters", "params:a"]


@pytest.mark.parametrize("is_used", [False, True])
def test_to_config_returns_entries_and_credentials(is_used: bool) -> None:
    entry = {"type": JSON, "filepath": "x.json", "credentials": "k", "versioned": True}
    catalog = DataCatalog.from_config(
        {"x": entry, "m": MEMORY}, {"k": {"t": 1}}, load_versions={"x": "v"}, save_version="s"
    )
    if is_used:
        catalog.values()
    config, credentials, load_versions, save_version = catalog.to_config()
    assert config.keys() == {"x"}
    assert entry.items() - {("credentials", "k")} <= config["x"].items()
    assert config["x"]["credentials"] == "x_credentials"
    assert (credentials, load_versions, save_version) == ({"x_credentials": {"t": 1}}, {"x": "v"}, "s")
    again = DataCatalog.from_config(config, credentials, {"x": "v"}, save_version)
    assert repr(again["x"]) == repr(catalog["x"])


def test_a_catalog_shows_a_dataset_in_each_line() -> None:
    entries = {
        "a": {"type": "json.JSONDataset", "filepath": "a.json", "credentials": "mine"},
        "b": {"type": "json.JSONDataset", "filepath": "b.json"},
        "broken": {"type": "nowhere.Nothing"},
    }
    catalog = DataCatalog.from_config(entries, {"mine": {"key": "secret"}})
    catalog["c"] = [1]
    assert catalog.get("a") is not None
    first, *others = sorted(repr(catalog).splitlines())
    assert first.startswith("'a': ")
    assert "a.json" in first
    assert "secret" not in first
    assert others == [
        f"'b': {catalog.get_type('b')}",
        "'broken': a dataset that cannot be made",
        "'c': kedro_asgi.io.memory_dataset.MemoryDataset(data='<list>')",
    ]
    assert repr(DataCatalog()) == ""
