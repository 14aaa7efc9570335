import pytest
from config_fixtures import MakeConfig, WriteConfig

from kedro_asgi.config import Config, MissingConfigException
from kedro_asgi.errors import (
    ConfigError,
    ConfigShapeError,
    DuplicateKeysError,
    InterpolationKeyError,
    InvalidEnvError,
    MergeStrategyError,
    UnknownConfigKeyError,
    error_type,
)

LAYERS = {"base/parameters.yml": "a: {x: 1, y: 2}\nb: 3", "local/parameters.yml": "a: {x: 9}"}


def test_the_run_environment_replaces_top_level_keys_whole(make_config: MakeConfig) -> None:
    assert make_config(LAYERS).resolve("parameters") == {"a": {"x": 9}, "b": 3}


@pytest.mark.parametrize("strategy", ["soft", "SOFT"])
def test_the_soft_strategy_merges_mappings(make_config: MakeConfig, strategy: str) -> None:
    config = make_config(LAYERS, merge_strategy={"parameters": strategy})
    assert config.resolve("parameters") == {"a": {"x": 9, "y": 2}, "b": 3}


@pytest.mark.parametrize("key", ["catalog", "globals", "credentials"])
def test_the_soft_strategy_works_for_every_kind(make_config: MakeConfig, key: str) -> None:
    files = {f"base/{key}.yml": "a: {x: 1, l: [1]}", f"local/{key}.yml": "a: {y: 2, l: [2]}"}
    config = make_config(files, merge_strategy={key: "soft"})
    assert config.resolve(key) == {"a": {"x": 1, "l": [2], "y": 2}}


def test_an_unset_value_replaces_no_value_in_a_soft_merge(make_config: MakeConfig) -> None:
    files = {"base/catalog.yml": "a: {x: 1}\nb: 2", "local/catalog.yml": "a: {x: '???', y: '???'}\nb: ???"}
    config = make_config(files, merge_strategy={"catalog": "soft"})
    assert config.resolve("catalog") == {"a": {"x": 1, "y": "???"}, "b": 2}


def test_a_soft_merge_merges_interpolated_mappings(make_config: MakeConfig) -> None:
    files = {
        "base/catalog.yml": "a: {type: t}\nb: '${runtime_params:b,{type: u, k: 1}}'",
        "local/catalog.yml": "a: '${runtime_params:a,{k: 2}}'\nb: {k: 3}",
    }
    config = make_config(files, merge_strategy={"catalog": "soft"})
    assert config.resolve("catalog") == {"a": {"type": "t", "k": 2}, "b": {"type": "u", "k": 3}}


def test_an_unknown_strategy_is_refused(make_config: MakeConfig) -> None:
    with pytest.raises(MergeStrategyError, match="Merging strategy weird not supported"):
        make_config(LAYERS, merge_strategy={"parameters": "weird"}).resolve("parameters")


def test_each_environment_is_resolved_by_itself(make_config: MakeConfig) -> None:
    config = make_config({"base/parameters.yml": "a: 1\nb: ${a}", "local/parameters.yml": "a: 2"})
    assert config.resolve("parameters") == {"a": 2, "b": 1}
    with pytest.raises(InterpolationKeyError, match="Interpolation key 'a' not found"):
        make_config({"base/parameters.yml": "a: 1", "local/parameters.yml": "b: ${a}"}).resolve("parameters")


def test_keys_keep_the_order_of_the_base_and_new_ones_follow(make_config: MakeConfig) -> None:
    config = make_config({"base/catalog.yml": "a: 1\nb: 2", "local/catalog.yml": "c: 3\na: 4"})
    assert list(config.entries("catalog")) == ["a", "b", "c"]


def test_an_explicit_environment_must_exist(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: 1"}, env="prod")
    message = "Given configuration path either does not exist or is not a valid directory: .*prod$"
    with pytest.raises(MissingConfigException, match=message):
        config.resolve("parameters")
    with pytest.raises(MissingConfigException, match=message):
        config.entries("catalog")


def test_an_absent_default_environment_is_empty(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: 1"})
    config.entries("catalog")
    assert config.resolve("parameters") == {"a": 1}


def test_an_explicit_environment_replaces_the_default_one(make_config: MakeConfig) -> None:
    config = make_config({**LAYERS, "prod/parameters.yml": "b: 4"}, env="prod")
    assert (config.env, config.effective_env) == ("prod", "prod")
    assert config.resolve("parameters") == {"a": {"x": 1, "y": 2}, "b": 4}


def test_an_empty_environment_name_selects_the_default(make_config: MakeConfig) -> None:
    config = make_config(LAYERS, env="")
    assert (config.env, config.effective_env) == ("", "local")
    assert config.resolve("parameters")["a"] == {"x": 9}


def test_an_environment_that_is_the_base_is_read_once(make_config: MakeConfig) -> None:
    assert make_config(LAYERS, env="base").resolve("parameters") == {"a": {"x": 1, "y": 2}, "b": 3}


def test_without_environments_the_whole_source_is_one(write_config: WriteConfig) -> None:
    source = write_config({"base/parameters.yml": "a: 1", "extra/parameters.yml": "b: ${a}"})
    assert Config(source).resolve("parameters") == {"a": 1, "b": 1}
    source = write_config({"extra/parameters.yml": "a: 2"})
    with pytest.raises(DuplicateKeysError):
        Config(source).resolve("parameters")


@pytest.mark.parametrize("env", ["base/../x", "..", ".", "a..b", "a/b", "a\\b", "a b", "prod\n", "/etc"])
def test_an_environment_cannot_lead_out_of_the_source(make_config: MakeConfig, env: str) -> None:
    with pytest.raises(InvalidEnvError, match="Invalid env value") as caught:
        make_config({"parameters": "a: 1"}, env=env)
    assert error_type(caught.value) == "ValueError"


def test_an_unknown_kind_is_a_key_error(make_config: MakeConfig) -> None:
    with pytest.raises(UnknownConfigKeyError, match="No config patterns were found for 'spark'") as caught:
        make_config({}).resolve("spark")
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("key", ["parameters", "credentials"])
@pytest.mark.parametrize("env", [None, "base"])
def test_a_kind_without_files_is_missing(make_config: MakeConfig, key: str, env: str | None) -> None:
    with pytest.raises(MissingConfigException, match="No files of YAML or JSON format found in .*base"):
        make_config({}, env=env).entries(key)


def test_an_absent_catalog_and_absent_globals_are_empty(make_config: MakeConfig) -> None:
    config = make_config({})
    assert dict(config.entries("catalog")) == config.resolve("catalog") == config.resolve("globals") == {}


def test_an_empty_file_is_a_file(make_config: MakeConfig) -> None:
    assert make_config({"parameters": ""}).resolve("parameters") == {}


def test_hidden_names_are_dropped_except_from_parameters(make_config: MakeConfig) -> None:
    text = "_h: 1\na: {_k: 2}"
    config = make_config(dict.fromkeys(("catalog", "credentials", "parameters", "globals"), text))
    assert config.resolve("parameters") == {"_h": 1, "a": {"_k": 2}}
    for key in ("catalog", "credentials", "globals"):
        assert config.resolve(key) == {"a": {"_k": 2}}


def test_parameters_of_several_files_merge_below_the_top(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: {x: 1}\nc: ${a.y}", "parameters_b": "a: {y: 2}\nd: ${a.x}"})
    assert config.resolve("parameters") == {"a": {"x": 1, "y": 2}, "c": 2, "d": 1}


@pytest.mark.parametrize(
    ("first", "second", "listed"),
    [
        ("a: {x: 1}", "a: {x: 2, y: 3}", "a.x"),
        ("a: [1]", "a: [2]", "a"),
        ("a: 1", "a: {x: 2}", "a"),
        ("a: {x: {y: 1}}", "a: {x: 2}", "a.x"),
        ("b: 1\na: 1", "a: 2\nb: 2", "a, b"),
        ("x.y: 7", "x: {y: 8}", "x.y"),
    ],
)
def test_parameters_that_two_files_set_are_refused(
    make_config: MakeConfig, first: str, second: str, listed: str
) -> None:
    config = make_config({"parameters": first, "parameters_b": second})
    message = rf"Duplicate keys found in .*parameters\.yml and .*parameters_b\.yml: {listed}$"
    with pytest.raises(DuplicateKeysError, match=message) as caught:
        config.entries("parameters")
    assert isinstance(caught.value, ValueError)


def test_an_empty_mapping_clashes_with_nothing(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: {}", "parameters_b": "a: {x: 1}"})
    assert config.resolve("parameters") == {"a": {"x": 1}}


@pytest.mark.parametrize("key", ["catalog", "credentials", "globals"])
def test_other_kinds_may_not_share_top_level_keys(make_config: MakeConfig, key: str) -> None:
    patterns = {key: [f"{key}*"]}
    config = make_config({key: "a: {x: 1}", f"{key}_b": "a: {y: 1}"}, config_patterns=patterns)
    with pytest.raises(DuplicateKeysError, match="Duplicate keys found .*: a$"):
        config.entries(key)


def test_hidden_keys_may_repeat_and_the_later_file_wins(make_config: MakeConfig) -> None:
    config = make_config({"catalog_a": "_t: {type: t}\na: ${_t}", "catalog_b": "_t: {type: u}"})
    assert config.resolve("catalog") == {"a": {"type": "u"}}


def test_a_long_list_of_duplicates_is_cut(make_config: MakeConfig) -> None:
    text = "\n".join(f"a_long_name_{number}: 1" for number in range(20))
    with pytest.raises(DuplicateKeysError) as caught:
        make_config({"catalog": text, "catalog_b": text}).entries("catalog")
    assert len(str(caught.value).rpartition(": ")[2]) == 103
    assert str(caught.value).endswith("...")


@pytest.mark.parametrize("name", ["5", "true", "1.5"])
def test_a_catalog_name_must_be_text(make_config: MakeConfig, name: str) -> None:
    with pytest.raises(ConfigShapeError, match=r"catalog\.yml has the top-level key") as caught:
        make_config({"catalog": f"{name}: {{type: t}}"}).entries("catalog")
    assert error_type(caught.value) == "AttributeError"


def test_parameters_may_have_numbers_as_keys(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "1: a\n2.5: {true: b}\nc: ${1}"})
    assert config.resolve("parameters") == {1: "a", 2.5: {True: "b"}, "c": "a"}


def test_an_error_is_raised_again_each_time_without_growing(make_config: MakeConfig) -> None:
    config = make_config({"catalog": "a: {type: '${nope}'}"})
    depths = set()
    for _ in range(3):
        with pytest.raises(ConfigError) as caught:
            config.entries("catalog")
        depths.add(len(caught.traceback))
    assert len(depths) == 1
