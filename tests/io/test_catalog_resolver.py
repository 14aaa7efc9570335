import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.errors import CredentialsNotFoundError, error_type
from kedro_asgi.io import CatalogResolver, DatasetError, MemoryDataset, PlainEntry
from kedro_asgi.io.entry import Entry, plain_entries
from kedro_asgi.runs import RuntimeParams

HERE = __name__
RUNTIME = RuntimeParams()


class Given:
    """Records its arguments."""

    def __init__(self, **given: Any) -> None:
        self.given = given

    def load(self) -> Any: ...

    def save(self, data: Any) -> None: ...


class RunEntry:
    """An entry that resolves to the values of the run."""

    is_static = False

    def __init__(self, name: str, value: Any, *, selects_type: bool = False) -> None:
        self.name = name
        self.value = value
        self.selects_type = selects_type

    def resolve(self, runtime: RuntimeParams) -> Any:
        if self.selects_type and runtime.values:
            raise DatasetError(f"{self.name} selects a type")
        return {**self.value, **runtime.values} if isinstance(self.value, dict) else runtime.values[self.value]

    def texts(self) -> Iterator[str]:
        return PlainEntry(self.name, self.value).texts()

    def substitute(self, placeholders: Mapping[str, str]) -> Entry:
        return RunEntry(self.name, PlainEntry(self.name, self.value).substitute(placeholders).resolve(RUNTIME))


def given(**arguments: Any) -> dict[str, Any]:
    return {"type": f"{HERE}.Given", **arguments}


def built(resolver: CatalogResolver, name: str, runtime: RuntimeParams = RUNTIME, **versions: str) -> dict[str, Any]:
    builder = resolver.builder(name)
    assert builder is not None
    dataset = builder.build(runtime, **versions)
    assert isinstance(dataset, Given)
    return dataset.given


def resolver(catalog: dict[str, Any], credentials: dict[str, Any] | None = None, **options: Any) -> CatalogResolver:
    return CatalogResolver(plain_entries(catalog), plain_entries(credentials), **options)


def test_all_keys_but_the_reserved_ones_are_arguments() -> None:
    entry = given(a=1, metadata={"m": 1}, version="x", validator="a.b", versioned=False)
    assert built(resolver({"x": entry}), "x") == {"a": 1, "metadata": {"m": 1}}


@pytest.mark.parametrize("entry", [3, None, ["type"]])
def test_an_entry_is_a_mapping(entry: Any) -> None:
    with pytest.raises(DatasetError, match="Catalog entry 'x' is not a valid dataset configuration"):
        resolver({"x": entry})
    with pytest.raises(DatasetError, match="is not a valid dataset configuration"):
        resolver({"{x}_y": entry})


def test_an_entry_has_a_type() -> None:
    message = r"An exception occurred when parsing config for dataset 'x':\n'type' is missing from dataset catalog"
    with pytest.raises(DatasetError, match=message):
        resolver({"x": {"a": 1}})


def test_a_pattern_without_a_type_fails_when_it_is_used() -> None:
    builder = resolver({"{x}_y": {"a": 1}}).builder("a_y")
    assert builder is not None
    with pytest.raises(DatasetError, match="dataset 'a_y':\n'type' is missing"):
        builder.build(RUNTIME)


def test_a_name_is_text() -> None:
    with pytest.raises(DatasetError, match="Catalog entry 3 needs a name that is text"):
        resolver({3: given()})


def test_a_broken_class_fails_only_when_it_is_used() -> None:
    builder = resolver({"x": {"type": "nope.X"}}).builder("x")
    assert builder is not None
    with pytest.raises(DatasetError, match="parsing config for dataset 'x':\nNo module named 'nope'"):
        builder.build(RUNTIME)


@pytest.mark.parametrize("versioned", ["false", 1, "yes"])
def test_versioned_must_be_a_boolean(versioned: Any) -> None:
    builder = resolver({"x": given(versioned=versioned)}).builder("x")
    assert builder is not None
    with pytest.raises(DatasetError, match="'versioned' must be true or false"):
        builder.build(RUNTIME)


def test_a_versioned_dataset_gets_its_versions() -> None:
    found = built(resolver({"x": given(versioned=True)}), "x", load_version="a", save_version="b")
    assert found["version"] == ("a", "b")
    assert (found["version"].load, found["version"].save) == ("a", "b")
    assert built(resolver({"x": given()}), "x", load_version="a") == {}


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        (
            "Picky",
            r"unexpected keyword argument 'a'.\nDataset 'x' must only contain arguments valid for the constructor",
        ),
        ("Abstract", r"Dataset 'x' cannot be instantiated. Please implement the missing abstract methods in"),
        (
            "Angry",
            r"\nno s3://<redacted>@b.\nFailed to instantiate dataset 'x' of type 'test_definition_classes.Angry'",
        ),
    ],
)
def test_the_error_of_a_constructor_names_the_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type_: str, message: str
) -> None:
    (tmp_path / "test_definition_classes.py").write_text(
        "from kedro_asgi.io import AbstractDataset, MemoryDataset\n"
        "class Picky(MemoryDataset):\n    def __init__(self): pass\n"
        "class Abstract(AbstractDataset):\n    def load(self): ...\n"
        "class Angry(MemoryDataset):\n    def __init__(self, a): raise ValueError('no s3://u:p@b')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    builder = resolver({"x": {"type": f"test_definition_classes.{type_}", "a": 1}}).builder("x")
    assert builder is not None
    with pytest.raises(DatasetError, match=message):
        builder.build(RUNTIME)


def test_credentials_are_inserted_at_any_depth_of_mappings() -> None:
    entry = given(credentials="k", a={"credentials": "l"}, b=[{"credentials": "k"}], c={"credentials": None})
    assert built(resolver({"x": entry}, {"k": {"token": 1}, "l": "text"}), "x") == {
        "credentials": {"token": 1},
        "a": {"credentials": "text"},
        "b": [{"credentials": "k"}],
        "c": {"credentials": None},
    }


def test_credential_names_inside_a_mapping_are_replaced_but_not_those_in_inserted_credentials() -> None:
    entry = given(credentials={"credentials": "k"})
    found = built(resolver({"x": entry}, {"k": {"credentials": "k"}}), "x")
    assert found == {"credentials": {"credentials": {"credentials": "k"}}}


@pytest.mark.parametrize("name", ["x", "{x}_y"])
def test_missing_credentials_are_a_key_error_and_a_dataset_error(name: str) -> None:
    with pytest.raises(CredentialsNotFoundError, match="^Unable to find credentials 'zz'") as caught:
        resolver({name: given(a={"credentials": "zz"})})
    assert isinstance(caught.value, DatasetError)
    assert isinstance(caught.value, KeyError)
    assert error_type(caught.value) == "KeyError"


def test_braces_in_credentials_are_not_placeholders() -> None:
    found = built(resolver({"{x}_y": given(credentials="k")}, {"k": "p{x}}q"}), "a_y")
    assert found == {"credentials": "p{x}}q"}


def test_a_pattern_may_choose_its_credentials() -> None:
    assert built(resolver({"{x}_y": given(credentials="{x}_k")}, {"a_k": 1}), "a_y") == {"credentials": 1}


def test_paths_start_at_the_project_and_those_of_credentials_do_not(tmp_path: Path) -> None:
    found = built(resolver({"x": given(path="d", credentials="k")}, {"k": {"path": "d"}}, project_path=tmp_path), "x")
    assert found == {"path": f"{tmp_path}/d", "credentials": {"path": "d"}}


def test_without_a_project_paths_stay_relative() -> None:
    assert built(resolver({"x": given(path="d")}), "x") == {"path": "d"}


def test_explicit_entries_come_before_patterns_and_the_catch_all_last() -> None:
    found = resolver({"{a}": given(i=3), "a_{b}": given(i=2), "a_x": given(i=1)})
    assert [built(found, name)["i"] for name in ("a_x", "a_y", "z")] == [1, 2, 3]
    assert [found.is_catch_all(name) for name in ("a_x", "a_y", "z")] == [False, False, True]
    assert found.names() == ("a_x",)
    assert found.list_patterns() == ["a_{b}", "{a}", "{default}"]


def test_without_a_match_there_is_no_builder_but_a_default() -> None:
    found = resolver({"a_{b}": given()})
    assert found.builder("z") is None
    assert not found.matches("z")
    assert not found.is_catch_all("z")
    assert found.default_builder().dataset_class(RUNTIME) is MemoryDataset


def test_an_entry_called_default_is_a_catch_all() -> None:
    found = resolver({"{default}": given(name="{default}")})
    assert found.list_patterns() == ["{default}"]
    assert built(found, "a") == {"name": "a"}


def test_a_pattern_fills_its_type_too() -> None:
    assert built(resolver({"{kind}_{x}": {"type": HERE + ".{kind}", "x": ["{x}"]}}), "Given_1") == {"x": ["1"]}


def test_a_match_in_another_case_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    found = resolver({"{a}_X": given()})
    with caplog.at_level(logging.WARNING):
        assert found.builder("q_x") is None
        assert found.builder("q_x") is None
    assert caplog.messages == ["Dataset 'q_x' would match the pattern '{a}_X' if case did not count."]


def test_the_use_of_the_catch_all_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    found = resolver({"{name}": given()})
    with caplog.at_level(logging.WARNING):
        assert found.builder("foo") is found.builder("foo")
    assert caplog.messages == [
        "Config from the dataset pattern '{name}' in the catalog will be used to override the default dataset "
        "creation for 'foo'"
    ]


@pytest.mark.parametrize(
    ("catalog", "message"),
    [
        ({"{a}": given(), "{b}": given()}, "Multiple catch-all patterns"),
        ({"{a}_x": given(y="{b}")}, "Keys used in the configuration"),
    ],
)
def test_the_constructor_refuses_wrong_patterns(catalog: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        resolver(catalog)


def test_two_datasets_share_nothing_mutable() -> None:
    found = resolver({"x": given(a={"b": [1]}, credentials="k")}, {"k": {"c": [1]}})
    first = built(found, "x")
    first["a"]["b"].append(2)
    first["credentials"]["c"].append(2)
    assert built(found, "x") == {"a": {"b": [1]}, "credentials": {"c": [1]}}


def test_values_of_a_run_reach_only_that_run() -> None:
    found = CatalogResolver({"x": RunEntry("x", given(a=0)), "{p}_y": RunEntry("{p}_y", given(a=0, p="{p}"))})
    assert built(found, "x", RuntimeParams(values={"a": 1})) == {"a": 1}
    assert built(found, "x") == {"a": 0}
    assert built(found, "q_y", RuntimeParams(values={"a": 2})) == {"a": 2, "p": "q"}
    assert built(found, "q_y") == {"a": 0, "p": "q"}


def test_credentials_of_a_run_reach_only_that_run() -> None:
    found = CatalogResolver(plain_entries({"x": given(credentials="k")}), {"k": RunEntry("k", "secret")})
    for secret in ("a", "b"):
        assert built(found, "x", RuntimeParams(values={"secret": secret})) == {"credentials": secret}


def test_concurrent_runs_never_see_each_others_values(short_turns: None) -> None:
    found = CatalogResolver({"x": RunEntry("x", given(a=0)), "{p}_y": RunEntry("{p}_y", given(a=0))})
    wrong: list[Any] = []

    def run(number: int) -> None:
        for step in range(200):
            runtime = RuntimeParams(values={"a": (number, step)})
            got = [built(found, name, runtime)["a"] for name in ("x", f"{step}_y")]
            wrong.extend(value for value in got if value != (number, step))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_only_entries_whose_type_a_run_could_select_are_checked() -> None:
    found = CatalogResolver({"a": RunEntry("a", given()), "b": RunEntry("b", given(), selects_type=True)})
    found.check(RUNTIME)
    found.check(RuntimeParams(values={"x": 1}, restrict_type_selection=False))
    with pytest.raises(DatasetError, match="b selects a type"):
        found.check(RuntimeParams(values={"x": 1}))


def test_the_configuration_of_a_name_is_the_entry_as_written(tmp_path: Path) -> None:
    entry = given(filepath="d/{a}", credentials="k")
    found = resolver({"{a}_x": entry, "y": given(path="p")}, {"k": {"token": 1}}, project_path=tmp_path)
    assert found.builder("q_x").config(RuntimeParams()) == given(filepath="d/q", credentials="k")
    assert found.resolved_config() == {
        "y": given(path=f"{tmp_path}/p"),
        "{a}_x": given(filepath=f"{tmp_path}/d/{{a}}", credentials="k"),
    }
    assert found.credentials() == {"k": {"token": 1}}
