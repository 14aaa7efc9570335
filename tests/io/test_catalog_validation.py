"""Validators of datasets, through a catalog."""

import logging
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.errors import DatasetError, DataValidationError, ValidationConfigurationError
from kedro_asgi.io import CachedDataset, DataCatalog, MemoryDataset
from kedro_asgi.validation import validate_catalog, validate_dataset


class Counting:
    made = 0

    def __init__(self, factor: int = 1) -> None:
        Counting.made += 1
        self.factor = factor

    def validate(self, data: Any) -> Any:
        return data * self.factor


def positive(data: Any) -> None:
    if data < 0:
        raise ValueError("negative")


def twice(data: Any) -> Any:
    return 2 * data


@pytest.fixture(autouse=True)
def _targets(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("made_validators")
    for target in (Counting, positive, twice):
        setattr(module, target.__name__, target)
    monkeypatch.setitem(sys.modules, "made_validators", module)
    monkeypatch.delenv("KEDRO_DATASET_VALIDATION", raising=False)


def memory(validator: Any) -> dict[str, Any]:
    return {"type": "MemoryDataset", "validator": validator}


def catalog(validator: Any = "made_validators.positive", **options: Any) -> DataCatalog:
    return DataCatalog.from_config({"x": memory(validator), "plain": {"type": "MemoryDataset"}}, **options)


def test_data_is_validated_when_it_is_saved_and_when_it_is_loaded() -> None:
    made = catalog("made_validators.twice")
    made.save("x", 1)
    assert made["x"].load() == 2
    assert made.load("x") == 4


def test_data_that_fails_is_not_saved_and_the_message_has_no_name_in_front() -> None:
    made = catalog()
    with pytest.raises(DataValidationError, match="^Validation failed for dataset 'x' on save\n"):
        made.save("x", -1)
    assert not made.exists("x")


def test_the_dataset_itself_does_not_validate() -> None:
    made = catalog()
    made["x"].save(-1)
    assert made["x"].load() == -1
    with pytest.raises(DataValidationError, match="on load"):
        made.load("x")


def test_an_error_of_the_load_comes_before_validation() -> None:
    with pytest.raises(DatasetError, match="^x: Data for MemoryDataset has not been saved yet"):
        catalog("no_such_module.f").load("x")


def test_a_validator_is_imported_when_there_is_data() -> None:
    made = catalog("no_such_module.f")
    made.get("x")
    with pytest.raises(ValidationConfigurationError, match="Could not import validator 'no_such_module.f'"):
        made.save("x", 1)


def test_the_catalog_refuses_a_wrong_declaration() -> None:
    with pytest.raises(ValidationConfigurationError, match="Invalid validator declaration for dataset 'x'"):
        catalog(5)


def test_a_wrong_declaration_in_a_pattern_fails_when_a_dataset_is_made() -> None:
    made = DataCatalog.from_config({"{n}_x": memory({"class": "{n}", "nope": 1})})
    with pytest.raises(ValidationConfigurationError, match="Invalid validator declaration for dataset 'a_x'"):
        made.save("a_x", 1)


def test_patterns_fill_in_their_validators() -> None:
    made = DataCatalog.from_config(
        {
            "{n}_by_{f}": memory("made_validators.{f}"),
            "{any}": memory({"class": "made_validators.Counting", "options": {"factor": 3}}),
        }
    )
    assert made.validators == {}
    made.save("a_by_twice", 1)
    assert made.load("a_by_twice") == 4
    with pytest.raises(DataValidationError):
        made.save("a_by_positive", -1)
    made.save("other", 1)
    assert made.load("other") == 9
    assert list(made.validators) == ["a_by_twice", "a_by_positive", "other"]


def test_a_catalog_makes_one_instance_for_each_dataset() -> None:
    Counting.made = 0
    made = DataCatalog.from_config({name: memory("made_validators.Counting") for name in ("x", "y")})
    for _ in range(3):
        made.save("x", 1)
        made.load("x")
    made.save("y", 1)
    assert Counting.made == 2


def test_validation_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    made = catalog(validation_enabled=False)
    made.save("x", -1)
    assert made.load("x") == -1
    monkeypatch.setenv("KEDRO_DATASET_VALIDATION", "1")
    with pytest.raises(DataValidationError):
        made.load("x")
    monkeypatch.setenv("KEDRO_DATASET_VALIDATION", "0")
    assert catalog().save("x", -1) is None


def test_a_dataset_in_place_of_an_entry_is_not_validated() -> None:
    made = catalog()
    made["x"] = 5
    made.save("x", -1)
    assert made.validators == {}
    given = DataCatalog({"x": MemoryDataset(-1)}, config_resolver=catalog().config_resolver)
    assert given.load("x") == -1
    assert given.validator_specs == {}


def test_parameters_in_place_of_an_entry_are_not_validated() -> None:
    made = DataCatalog.from_config({"params:x": memory("made_validators.positive")})
    assert made.validators == {"params:x": "made_validators.positive"}
    made.get("params:x")
    made.add_parameters({"x": -1})
    assert made.load("params:x") == -1
    assert made.validators == {}


def test_injected_data_is_validated_when_it_is_loaded() -> None:
    made = catalog()
    made.inject("x", -1)
    made.inject("plain", -1)
    assert made.load("plain") == -1
    with pytest.raises(DataValidationError, match="Validation failed for dataset 'x' on load"):
        made.load("x")


def test_a_load_is_skipped_until_a_release_and_only_for_the_saved_version(tmp_path: Path) -> None:
    validator = {"class": "made_validators.twice", "skip_load_after_save": True}
    entry = {"type": "pickle.PickleDataset", "filepath": str(tmp_path / "x.pkl"), "versioned": True}
    older, newer = "2026-11-21T00.00.00.000Z", "2026-11-22T00.00.00.000Z"
    DataCatalog.from_config({"x": entry}, save_version=older).save("x", 5)
    made = DataCatalog.from_config({"x": {**entry, "validator": validator}}, save_version=newer)
    made.save("x", 1)
    assert made.load("x") == made.load("x", version=newer) == 2
    assert made.load("x", version=older) == 10
    made.release("x")
    assert made.load("x") == 4


def test_saving_none_is_refused_with_a_validator() -> None:
    with pytest.raises(DatasetError, match="Saving 'None'"):
        catalog("made_validators.Counting").save("plain", None)
    with pytest.raises(DataValidationError, match="'<' not supported between instances of 'NoneType' and 'int'"):
        catalog().save("x", None)


def test_the_validator_of_an_inner_dataset_is_ignored_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        dataset = CachedDataset(memory("made_validators.positive"))
    dataset.save(-1)
    assert "its 'validator' is ignored" in caplog.text


def test_to_config_includes_validators(tmp_path: Path) -> None:
    validator = {"class": "made_validators.positive", "on": ["load"]}
    entry = {"type": "pickle.PickleDataset", "filepath": str(tmp_path / "x.pkl"), "validator": validator}
    made = DataCatalog.from_config({"x": entry, "{n}_y": {**entry, "validator": "made_validators.twice"}})
    assert made.to_config().catalog["x"]["validator"] == validator
    made.get("x")
    made.get("a_y")
    written = made.to_config().catalog
    assert written["x"]["validator"] == validator
    assert written["a_y"]["validator"] == "made_validators.twice"
    assert DataCatalog.from_config(written).validators == made.validators


def results(**data: Any) -> DataCatalog:
    made = DataCatalog.from_config(
        {
            "x": memory("made_validators.positive"),
            "bad": memory("made_validators.nope"),
            "off": memory({"class": "made_validators.positive", "enabled": False}),
            "saved": memory({"class": "made_validators.positive", "on": "save"}),
            "twice": memory("made_validators.twice"),
            "plain": {"type": "MemoryDataset"},
            "{n}_p": memory("made_validators.positive"),
        },
        validation_enabled=False,
    )
    for name, value in data.items():
        made.save(name, value)
    return made


@pytest.mark.parametrize(
    ("name", "status", "error_type"),
    [
        ("x", "failed", None),
        ("a_p", "failed", None),
        ("off", "failed", None),
        ("twice", "passed", None),
        ("saved", "skipped", None),
        ("plain", "skipped", None),
        ("bad", "errored", "unresolvable_validator"),
        ("empty_p", "errored", "dataset_error"),
        ("zz", "errored", "dataset_error"),
    ],
)
def test_a_dataset_can_be_validated_on_demand(name: str, status: str, error_type: str | None) -> None:
    made = results(x=-1, a_p=-1, off=-1, twice=-1, saved=-1, plain=-1, bad=-1)
    result = validate_dataset(made, name)
    assert (result.status, result.error_type) == (status, error_type)
    assert result.data == (-2 if name == "twice" else None)
    assert result.enabled is (name != "off")
    if status in ("failed", "errored"):
        with pytest.raises(DataValidationError) as caught:
            result.raise_if_failed()
        assert str(caught.value).count(f"Validation failed for dataset '{name}' on api") == 1
    else:
        result.raise_if_failed()


def test_given_data_is_validated_instead_of_loaded_data() -> None:
    made = results()
    assert validate_dataset(made, "x", 5).status == "passed"
    assert validate_dataset(made, "saved", 5, on="save").status == "passed"
    assert validate_dataset(made, "saved", 5).reason == "validator declared for save only"
    assert validate_dataset(made, "plain", 5).reason == "no validator declared"


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="'on' must be 'load' or 'save', got 'zz'"):
        validate_dataset(results(), "x", on="zz")
    with pytest.raises(ValueError, match="data must be provided"):
        validate_dataset(results(), "x", on="save")


def test_a_catalog_can_be_validated_on_demand() -> None:
    made = results(x=1, twice=2)
    assert {name: result.status for name, result in validate_catalog(made).items()} == {
        "bad": "errored",
        "off": "errored",
        "saved": "skipped",
        "twice": "passed",
        "x": "passed",
    }
    assert list(validate_catalog(made, ["plain", "x"])) == ["plain", "x"]


def test_a_result_can_be_written_as_json() -> None:
    found = validate_dataset(results(x=-1), "x").to_dict()
    assert (
        found["message"] == "Validation failed for dataset 'x' on api\n(validator: made_validators.positive)\nnegative"
    )
    assert found["status"] == "failed"
    assert "data" not in found
