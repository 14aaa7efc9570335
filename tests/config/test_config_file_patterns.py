from collections.abc import Sequence

import pytest
from config_fixtures import MakeConfig

from kedro_asgi.config import MissingConfigException
from kedro_asgi.config.file_patterns import DEFAULT_PATTERNS, is_hidden


@pytest.mark.parametrize(
    ("file", "is_match"),
    [
        ("parameters.yml", True),
        ("parameters_x.json", True),
        ("parameters/deep/er/z.yaml", True),
        ("sub/dir/parameters_q.json", True),
        ("xparameters.yml", False),
        ("sub/parameters_x/foo.yml", False),
    ],
)
def test_parameters_live_in_files_and_folders_of_that_name(make_config: MakeConfig, file: str, is_match: bool) -> None:
    assert _finds(make_config, DEFAULT_PATTERNS["parameters"], file) is is_match


@pytest.mark.parametrize(
    ("pattern", "file", "is_match"),
    [
        ("a*.yml", "ab.yml", True),
        ("a*.yml", "a/b.yml", False),
        ("a?.yml", "ab.yml", True),
        ("a[bc].yml", "ac.yml", True),
        ("a[!bc].yml", "ac.yml", False),
        ("**/x.yml", "x.yml", True),
        ("**/x.yml", "a/b/x.yml", True),
        ("[]a].yml", "].yml", True),
        ("[a.yml", "[a.yml", True),
        ("a/*/x.yml", "a/b/x.yml", True),
        ("a/**", "a/b/x.yml", True),
        ("a/**", "a.yml", False),
        ("spark*/", "spark.yml", True),
        ("spark*/", "spark_x.yml", True),
        ("./spark*", "spark.yml", True),
        ("/spark*", "spark.yml", True),
        ("spark//*", "spark/x.yml", True),
        ("./x/../spark*", "spark.yml", True),
        ("../shared/spark*", "../shared/spark.yml", True),
        ("../../spark*", "../../spark.yml", True),
        ("../spark*", "../spark.yml", True),
        ("../**/user/spark*", "../other/user/spark.yml", True),
    ],
)
def test_patterns_are_globs(make_config: MakeConfig, pattern: str, file: str, is_match: bool) -> None:
    assert _finds(make_config, [pattern], file) is is_match


def test_two_stars_within_a_name_are_refused(make_config: MakeConfig) -> None:
    config = make_config({"base/spark.yml": "a: 1"}, config_patterns={"spark": ["spark**"]})
    with pytest.raises(ValueError, match=r"Invalid pattern 'spark\*\*'"):
        config.resolve("spark")


def _finds(make_config: MakeConfig, patterns: Sequence[str], file: str) -> bool:
    config = make_config({f"base/{file}": "found: 1", "base/x/.keep": ""}, config_patterns={"kind": patterns})
    try:
        return config.resolve("kind") == {"found": 1}
    except MissingConfigException:
        return False


@pytest.mark.parametrize("file", ["parameters.YML", "globals.yaml", "sub/globals.yml", "parameters.toml"])
def test_only_yaml_and_json_files_count_and_globals_only_at_the_top(make_config: MakeConfig, file: str) -> None:
    config = make_config({f"base/{file}": "bad: 1", "parameters_ok": "a: 1"})
    assert config.resolve("parameters") == {"a": 1}
    assert config.resolve("globals") == {}


@pytest.mark.parametrize("file", [".parameters.yml", ".ipynb_checkpoints/parameters.yml", "parameters/.x.yml"])
def test_hidden_files_count_only_on_request(make_config: MakeConfig, file: str) -> None:
    files = {"base/parameters_a.yml": "a: 1", f"base/{file}": "b: 2"}
    assert make_config(files).resolve("parameters") == {"a": 1}
    shown = make_config(files, ignore_hidden=False, config_patterns={"parameters": ["**"]})
    assert shown.resolve("parameters") == {"a": 1, "b": 2}


def test_a_file_below_a_hidden_folder_is_hidden() -> None:
    assert is_hidden("a/.b/c.yml")
    assert not is_hidden("a/b.c.yml")


def test_a_file_may_hold_several_kinds_of_configuration(make_config: MakeConfig) -> None:
    config = make_config({"base/parameters/catalog.yml": "a: {type: t}"})
    assert config.resolve("parameters") == config.resolve("catalog") == {"a": {"type": "t"}}


def test_patterns_are_added_and_replaced_by_kind(make_config: MakeConfig) -> None:
    config = make_config(
        {"spark": "x: 1", "my_params": "a: 1"}, config_patterns={"spark": ["spark*"], "parameters": ["my_*"]}
    )
    assert config.resolve("spark") == {"x": 1}
    assert config.resolve("parameters") == {"a": 1}


def test_the_folder_of_all_environments_is_not_hidden(make_config: MakeConfig) -> None:
    config = make_config({"base/x/spark.yml": "a: 1"}, config_patterns={"spark": ["../**/spark.yml"]})
    assert config.resolve("spark") == {"a": 1}
