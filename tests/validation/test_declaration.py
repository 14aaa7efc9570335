"""The ``validator`` key of a catalog entry."""

import pickle
from typing import Any

import pytest

from kedro_asgi.errors import DatasetError, ValidationConfigurationError, error_type
from kedro_asgi.validation import ValidatorSpec


def read(config: Any) -> ValidatorSpec:
    return ValidatorSpec.from_dataset_config("x", config)


def test_a_path_stands_for_the_defaults() -> None:
    expected = ValidatorSpec("a.b", ("load", "save"), "error", True, False, {})
    assert read("a.b") == read({"class": "a.b"}) == expected


@pytest.mark.parametrize(
    ("on", "expected"),
    [("load", ("load",)), (["save"], ("save",)), (("save", "load", "save"), ("load", "save"))],
)
def test_on_takes_one_or_several_operations(on: Any, expected: tuple[str, ...]) -> None:
    assert read({"class": "a.b", "on": on}).on == read({"class": "a.b", True: on}).on == expected


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (5, r"expected a class path string or a dictionary, got int \(5\)"),
        (None, "got NoneType"),
        (["a.b"], "the list form is reserved"),
        ({}, "'class' must be a non-empty class path string"),
        ({"class": 5}, "'class' must be"),
        ({"class": ""}, "'class' must be"),
        (
            {"class": "a.b", "foo": 1, 3: 4},
            r"unknown key\(s\) \[3, 'foo'\]. Allowed keys: \['class', 'enabled', 'on'",
        ),
        ({"class": "a.b", "on": ["load"], True: ["save"]}, "it needs a single 'on' key"),
        ({"class": "a.b", "on": []}, r"'on' must be a non-empty subset of \['load', 'save'\], got \[\]"),
        ({"class": "a.b", "on": "both"}, "got 'both'"),
        ({"class": "a.b", "on": None}, "got None"),
        ({"class": "a.b", "on": [["load"]]}, "'on' must be"),
        ({"class": "a.b", "severity": "ERROR"}, r"'severity' must be one of \['error', 'warn'\], got 'ERROR'"),
        ({"class": "a.b", "enabled": 0}, "'enabled' must be a boolean, got int"),
        ({"class": "a.b", "skip_load_after_save": None}, "'skip_load_after_save' must be a boolean, got NoneType"),
        ({"class": "a.b", "options": [1]}, "'options' must be a dictionary, got list"),
    ],
)
def test_anything_else_is_refused_with_the_name_of_the_dataset(config: Any, problem: str) -> None:
    with pytest.raises(
        ValidationConfigurationError, match=f"Invalid validator declaration for dataset 'x': .*{problem}"
    ) as caught:
        read(config)
    assert isinstance(caught.value, DatasetError)
    assert error_type(caught.value) == "ValidationConfigurationError"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        "a.b",
        {"class": "a.b", "on": ["load"]},
        {"class": "a.b", "severity": "warn", "enabled": False, "skip_load_after_save": True, "options": {"k": 1}},
    ],
)
def test_a_declaration_can_be_written_again(config: Any) -> None:
    assert read(config).to_config() == config


def test_the_options_of_a_declaration_are_its_own() -> None:
    options: dict[str, Any] = {"lazy": False, "more": [1]}
    spec = ValidatorSpec.from_dataset_config("cars", {"class": "a.B", "options": options})
    options["lazy"] = True
    options["more"].append(2)
    assert spec.options == {"lazy": False, "more": [1]}


def test_the_key_one_is_not_the_key_on() -> None:
    with pytest.raises(ValidationConfigurationError, match=r"unknown key\(s\) \[1\]"):
        ValidatorSpec.from_dataset_config("cars", {"class": "a.B", 1: ["load"]})
