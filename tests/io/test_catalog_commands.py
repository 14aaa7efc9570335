from kedro_asgi.io import DataCatalogWithCatalogCommandsMixin as Catalog
from kedro_asgi.io import Matcher

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
        "defaults": {"kedro_asgi.io.memory.MemoryDataset": ["mem"]},
    }
    assert made().describe_datasets([Pipeline()]) == {"pipeline_0": expected}
    assert made().describe_datasets({"p": Pipeline()}) == {"p": expected}
    assert made().describe_datasets() == {}


def test_patterns_are_listed_with_the_default() -> None:
    assert made().list_patterns() == ["{n}_p", "{default}"]


def test_patterns_are_resolved_for_pipelines() -> None:
    assert made().resolve_patterns([Pipeline()]) == {
        "a": CATALOG["a"],
        "unused": CATALOG["unused"],
        "mem": {"type": "kedro_asgi.io.memory.MemoryDataset"},
        "q_p": {"type": JSON, "filepath": "q.json", "credentials": "k"},
    }


def test_its_class_name_is_the_one_in_kedros_messages() -> None:
    assert type(made()).__name__ == "DataCatalogWithCatalogCommandsMixin"


def test_a_matcher_finds_entries_in_a_catalog_that_is_not_compiled() -> None:
    catalog = {
        "a": {"type": "x"},
        "{n}_p": {"type": "{n}"},
        "{any}": {"type": "any"},
        "{other}": {"type": "other"},
    }
    assert Matcher(catalog).entry("a") == {"type": "x"}
    assert Matcher(catalog).entry("b_p") == {"type": "b"}
    assert Matcher(catalog).entry("z") == {"type": "any"}
    assert Matcher({"a": 1}).entry("z") is None
