from kedro_asgi.io import DataCatalogWithCatalogCommandsMixin as Catalog
from kedro_asgi.io import UncompiledCatalog

JSON = "kedro_asgi.io.files.json.JSONDataset"
CATALOG = {
    "a": {"type": JSON, "filepath": "a.json"},
    "unused": {"type": JSON, "filepath": "u.json"},
    "{n}_p": {"type": JSON, "filepath": "{n}.json", "credentials": "k"},
}


class Pipeline:
    def datasets(self) -> set[str]:
        return {"a", "q_p", "mem", "params:k", "parameters"}


def made() -> Catalog:
    catalog = Catalog.from_config(CATALOG, {"k": {"secret": 1}})
    catalog.add_parameters({"k": 1})
    return catalog


def test_datasets_are_described_by_their_origin() -> None:
    expected = {
        "datasets": {JSON: ["a"]},
        "factories": {JSON: ["q_p"]},
        "defaults": {"kedro_asgi.io.MemoryDataset": ["mem"]},
    }
    assert made().describe_datasets([Pipeline()]) == {"pipeline_0": expected}
    assert made().describe_datasets({"p": Pipeline()}) == {"p": expected}
    assert made().describe_datasets(Pipeline()) == {"pipeline_0": expected}
    assert made().describe_datasets() == made().describe_datasets(None) == {}


def test_a_default_of_the_user_is_a_default() -> None:
    catalog = Catalog.from_config({**CATALOG, "{default}": {"type": JSON, "filepath": "{default}.json"}}, {"k": {}})
    described = catalog.describe_datasets(Pipeline())["pipeline_0"]
    assert (described["factories"], described["defaults"]) == ({JSON: ["q_p"]}, {JSON: ["mem"]})


def test_patterns_are_listed_with_the_default() -> None:
    assert made().list_patterns() == ["{n}_p", "{default}"]


def test_patterns_are_resolved_for_pipelines() -> None:
    rest = {"load_args": None, "save_args": None, "credentials": None, "fs_args": None}
    expected = {
        "a": {**CATALOG["a"], **rest},
        "unused": {**CATALOG["unused"], **rest},
        "mem": {"type": "kedro_asgi.io.MemoryDataset"},
        "q_p": {"type": JSON, "filepath": "q.json", "credentials": "q_p_credentials"},
    }
    for pipelines in (Pipeline(), [Pipeline()], {"p": Pipeline()}):
        assert made().resolve_patterns(pipelines) == expected
    assert list(made().resolve_patterns()) == ["a", "unused"]


def test_an_entry_whose_class_cannot_be_imported_is_resolved_as_it_is() -> None:
    catalog = Catalog.from_config({"a": {"type": "nope.X", "filepath": "a"}})
    assert catalog.resolve_patterns() == {"a": {"type": "nope.X", "filepath": "a"}}


def test_its_class_name_is_the_one_in_kedros_messages() -> None:
    assert type(made()).__name__ == "DataCatalogWithCatalogCommandsMixin"


def test_a_matcher_finds_entries_in_a_catalog_that_is_not_compiled() -> None:
    catalog = {
        "a": {"type": "x"},
        "{n}_p": {"type": "{n}"},
        "{any}": {"type": "any"},
        "{other}": {"type": "other"},
    }
    assert UncompiledCatalog(catalog).entry("a") == {"type": "x"}
    assert UncompiledCatalog(catalog).entry("b_p") == {"type": "b"}
    assert UncompiledCatalog(catalog).entry("z") == {"type": "any"}
    assert UncompiledCatalog({"a": 1}).entry("z") is None
