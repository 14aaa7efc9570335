import copy
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
from config_fixtures import MakeConfig, WriteConfig

from kedro_asgi.config import AbstractConfigLoader, Config, ConfigLoader, MissingConfigException
from kedro_asgi.errors import ConfigError, InterpolationResolutionError
from kedro_asgi.runs import RuntimeParams

FILES = {
    "base/parameters.yml": "a: 1\nb: ${a}\nx: ${runtime_params:x, none}",
    "base/catalog.yml": "d: {type: '${runtime_params:t, T}', f: '${globals:root}/x'}",
    "base/globals.yml": "root: data",
}


@pytest.fixture
def source(write_config: WriteConfig) -> Path:
    return write_config(FILES)


def test_a_loader_reads_like_a_dict(source: Path) -> None:
    loader = ConfigLoader(source, base_env="base", default_run_env="local")
    assert loader["parameters"] == {"a": 1, "b": 1, "x": "none"}
    assert loader["catalog"] == {"d": {"type": "T", "f": "data/x"}}
    assert loader["globals"] == {"root": "data"}
    assert isinstance(loader, AbstractConfigLoader)


def test_each_access_is_a_new_tree(source: Path) -> None:
    loader = ConfigLoader(source, base_env="base", default_run_env="local")
    loader["catalog"]["d"]["f"] = "changed"
    assert loader["catalog"]["d"]["f"] == "data/x"


def test_env_and_runtime_params_may_be_positional(source: Path) -> None:
    (source / "prod").mkdir()
    loader = ConfigLoader(str(source), "prod", {"x": "${a}"}, base_env="base")
    assert (loader.env, loader.runtime_params) == ("prod", {"x": "${a}"})
    assert loader["parameters"]["a"] == 1


def test_an_unknown_kind_is_a_key_error_and_has_a_default(source: Path) -> None:
    loader = ConfigLoader(source, base_env="base")
    with pytest.raises(KeyError, match="No config patterns were found for 'spark' in your config loader"):
        loader["spark"]
    assert loader.get("spark", 5) == 5
    assert loader.get("spark") is None


def test_a_known_kind_without_files_raises_also_with_a_default(source: Path) -> None:
    with pytest.raises(MissingConfigException):
        ConfigLoader(source, base_env="base", default_run_env="local").get("credentials", {})


def test_keys_are_the_known_kinds_and_membership_is_what_was_set(source: Path) -> None:
    loader = ConfigLoader(source, base_env="base", config_patterns={"spark": ["spark*"]})
    assert set(loader.keys()) == {"catalog", "parameters", "credentials", "globals", "spark"}
    assert "parameters" not in loader
    loader["parameters"] = {"z": 1}
    assert "parameters" in loader
    assert loader["parameters"] == {"z": 1}


def test_any_key_may_be_set(source: Path) -> None:
    loader = ConfigLoader(source, base_env="base")
    loader["anything"] = 5
    assert loader["anything"] == loader.get("anything") == 5


def test_interpolation_sees_replaced_globals(source: Path) -> None:
    loader = ConfigLoader(source, base_env="base", default_run_env="local")
    assert loader["catalog"]["d"]["f"] == "data/x"
    loader["globals"] = {"root": "elsewhere"}
    assert loader["catalog"]["d"]["f"] == "elsewhere/x"


def test_replaced_globals_stay_however_many_kinds_are_read(source: Path) -> None:
    loader = ConfigLoader(source, base_env="base", default_run_env="local")
    loader["globals"] = {"root": "elsewhere"}
    for number in range(100):
        loader.config_patterns[f"kind_{number}"] = ["catalog*"]
        assert loader[f"kind_{number}"]["d"]["f"] == "elsewhere/x"


def test_a_constructed_loader_interpolates_runtime_strings(source: Path) -> None:
    loader = ConfigLoader(source, runtime_params={"a": "${globals:root}"}, base_env="base", default_run_env="local")
    assert loader["parameters"] == {"a": "data", "b": "data", "x": "none"}
    loader.runtime_params = {"a": 7}
    assert loader["parameters"]["b"] == 7


def test_types_are_restricted_on_request(source: Path) -> None:
    loader = ConfigLoader(source, runtime_params={"t": "U"}, base_env="base", default_run_env="local")
    assert loader["catalog"]["d"]["type"] == "U"
    restricted = ConfigLoader(
        source,
        runtime_params={"t": "U"},
        base_env="base",
        default_run_env="local",
        restrict_runtime_params_type_selection=True,
    )
    with pytest.raises(InterpolationResolutionError, match="Dataset 'd' resolves a 'type' field"):
        restricted["catalog"]


def test_a_view_uses_the_values_of_its_run_and_reads_no_file(make_config: MakeConfig) -> None:
    config = make_config(FILES)
    config.resolve("parameters")
    Path(config.conf_source, "base/parameters.yml").unlink()
    views = [ConfigLoader.view(config, RuntimeParams(values={"a": text})) for text in ("${b}", "other")]
    assert [view["parameters"]["b"] for view in views] == ["${b}", "other"]
    assert views[0].conf_source == config.conf_source


def test_changes_of_one_view_do_not_reach_another(make_config: MakeConfig) -> None:
    config = make_config({**FILES, "base/mlflow.yml": "m: ${globals:root}"})
    first, second = (ConfigLoader.view(config, RuntimeParams()) for _ in range(2))
    first["parameters"] = {"z": 1}
    first["globals"] = {"root": "elsewhere"}
    first.config_patterns["mlflow"] = ["mlflow*"]
    assert first["mlflow"] == {"m": "elsewhere"}
    assert second["parameters"]["a"] == 1
    assert second["catalog"]["d"]["f"] == "data/x"
    assert second.get("mlflow") is None


OPTIONS: list[tuple[str, Any, dict[str, Any]]] = [
    ("env", "prod", {"a": 1, "m": {"y": 2}, "g": "prod"}),
    ("base_env", "prod", {"m": {"y": 2}, "g": "prod", "l": 1}),
    ("default_run_env", "prod", {"a": 1, "m": {"y": 2}, "g": "prod"}),
    ("default_run_env", "base", {"a": 1, "m": {"x": 1}, "g": "base"}),
    ("merge_strategy", {"parameters": "soft"}, {"a": 1, "m": {"x": 1}, "g": "base", "l": 1}),
    ("ignore_hidden", False, {"a": 1, "m": {"x": 1}, "g": "base", "l": 1, "h": 1}),
]


@pytest.fixture
def environments(write_config: WriteConfig) -> ConfigLoader:
    source = write_config(
        {
            "base/parameters.yml": "a: 1\nm: {x: 1}\ng: '${globals:g}'",
            "base/globals.yml": "g: base",
            "base/parameters/.h.yml": "h: 1",
            "local/parameters.yml": "l: 1",
            "prod/parameters.yml": "m: {y: 2}\ng: '${globals:g}'",
            "prod/globals.yml": "g: prod",
        }
    )
    return ConfigLoader(source, base_env="base", default_run_env="local")


@pytest.mark.parametrize(("name", "value", "expected"), OPTIONS)
def test_an_attribute_that_a_user_sets_counts_from_the_next_read(
    environments: ConfigLoader, name: str, value: Any, expected: dict[str, Any]
) -> None:
    environments["parameters"]
    setattr(environments, name, value)
    assert environments["parameters"] == expected
    assert environments.is_changed("parameters")


def test_options_may_change_together_and_in_place(environments: ConfigLoader) -> None:
    environments.env = "prod"
    environments.merge_strategy["parameters"] = "soft"
    assert environments["parameters"] == {"a": 1, "m": {"x": 1, "y": 2}, "g": "prod"}
    environments.env = None
    assert environments["parameters"]["m"] == {"x": 1}


def test_another_source_is_read_and_replaced_globals_stay(environments: ConfigLoader, tmp_path: Path) -> None:
    (tmp_path / "other/base").mkdir(parents=True)
    (tmp_path / "other/base/parameters.yml").write_text("z: '${globals:g}'")
    environments["globals"] = {"g": "mine"}
    environments.conf_source = tmp_path / "other"
    assert environments["parameters"] == {"z": "mine"}


def test_what_a_user_sets_in_a_view_does_not_reach_another(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: 1", "prod/parameters.yml": "a: 2"})
    changed, other = (ConfigLoader.view(config, RuntimeParams()) for _ in range(2))
    changed.env = "prod"
    changed.merge_strategy["parameters"] = "soft"
    assert (changed["parameters"], other["parameters"]) == ({"a": 2}, {"a": 1})
    assert (changed.is_changed("parameters"), other.is_changed("parameters")) == (True, False)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda loader: pickle.loads(pickle.dumps(loader))])
def test_a_loader_can_be_copied_and_pickled(environments: ConfigLoader, copied: Any) -> None:
    for loader in (copied(environments), (environments["parameters"], copied(environments))[1]):
        loader.env = "prod"
        loader["more"] = {"x": 1}
        assert loader["parameters"] == {"a": 1, "m": {"y": 2}, "g": "prod"}
        assert "more" not in environments
    assert environments["parameters"]["g"] == "base"


def test_a_pickled_loader_keeps_its_archive_its_values_and_its_patterns(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "conf.zip", "w") as archive:
        archive.writestr("conf/base/parameters.yml", "a: '${runtime_params:x, 1}'")
        archive.writestr("conf/base/mine.yml", "b: 2")
    loader = ConfigLoader(tmp_path / "conf.zip", runtime_params={"x": 5}, base_env="base", default_run_env="local")
    loader["spark"] = {"s": 1}
    loader.config_patterns["mine"] = ["mine*"]
    found = pickle.loads(pickle.dumps(loader))
    assert (found["parameters"]["a"], found["spark"], found["mine"]) == (5, {"s": 1}, {"b": 2})


def test_the_text_of_a_loader_names_its_source_and_its_environments(environments: ConfigLoader) -> None:
    assert str(environments.conf_source) in repr(environments)
    assert "base_env='base', default_run_env='local'" in repr(environments)


def test_a_constructed_loader_sees_later_edits_and_a_view_does_not(write_config: WriteConfig) -> None:
    source = write_config({"base/parameters.yml": "a: 1"})
    loader = ConfigLoader(source, base_env="base", default_run_env="local")
    view = ConfigLoader.view(Config(source, base_env="base", default_run_env="local"), RuntimeParams())
    assert loader["parameters"] == view["parameters"] == {"a": 1}
    write_config({"base/parameters.yml": "a: 2"})
    assert (loader["parameters"], view["parameters"]) == ({"a": 2}, {"a": 1})


@pytest.mark.parametrize("text", ["a: ${nothing:1}", "a: ${runtime_params:x}", "a: ["])
def test_a_fault_in_the_globals_is_found_when_a_loader_is_constructed(write_config: WriteConfig, text: str) -> None:
    source = write_config({"base/globals.yml": text})
    with pytest.raises(ConfigError):
        ConfigLoader(source, base_env="base", default_run_env="local")
