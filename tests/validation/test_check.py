"""The checks of one dataset in one run."""

import logging
import sys
import types
from typing import Any

import pytest

from kedro_asgi.errors import DataValidationError, ValidationConfigurationError
from kedro_asgi.validation import CheckFailure, DatasetCheck, ValidatorSpec, is_switched_on


def positive(data: Any) -> None:
    if data < 0:
        raise ValueError("it is negative, at s3://user:pw@bucket/x?token=1")


def twice(data: Any) -> Any:
    return 2 * data


def nothing(data: Any) -> Any:
    return 0


def telling(data: Any) -> None:
    raise DataValidationError("own", failures=[CheckFailure("m", "c", "a", 2, [1, 2])])


def leaving(data: Any) -> None:
    raise SystemExit(3)


async def awaited(data: Any) -> None: ...


@pytest.fixture(autouse=True)
def _targets(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("made_checks")
    for target in (positive, twice, nothing, telling, leaving, awaited):
        setattr(module, target.__name__, target)
    monkeypatch.setitem(sys.modules, "made_checks", module)


def check(name: str, **settings: Any) -> DatasetCheck:
    return DatasetCheck("x", ValidatorSpec.from_dataset_config("x", {"class": f"made_checks.{name}", **settings}))


def test_the_result_of_the_validator_replaces_the_data() -> None:
    assert check("twice").check_saved(3) == 6
    assert check("twice").check_loaded(3) == 6
    assert check("positive").check_loaded(3) == 3
    assert check("nothing").check_loaded(3) == 0


def test_a_failure_names_dataset_reason_and_validator() -> None:
    with pytest.raises(DataValidationError) as caught:
        check("positive").check_saved(-1)
    error = caught.value
    assert str(error).startswith(
        "Validation failed for dataset 'x' on save\n(validator: made_checks.positive)\nit is neg"
    )
    assert (error.dataset_name, error.mode, error.validator) == ("x", "save", "made_checks.positive")
    assert isinstance(error.__cause__, ValueError)
    assert "pw" not in str(error)
    assert "token" not in str(error)


def test_a_validator_may_raise_the_error_itself() -> None:
    with pytest.raises(DataValidationError) as caught:
        check("telling").check_loaded(1)
    assert str(caught.value) == (
        "Validation failed for dataset 'x' on load\n(validator: made_checks.telling)\n"
        "1 check(s) failed — 2 failure case(s):\n  - a: c — 2 cases (e.g. 1, 2)"
    )


def test_a_warning_leaves_the_data_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert check("positive", severity="warn").check_saved(-1) == -1
    assert "Validation failed for dataset 'x' on save" in caplog.text


@pytest.mark.parametrize("settings", [{"on": "save"}, {"enabled": False}])
def test_data_is_validated_only_on_declared_operations(settings: dict[str, Any]) -> None:
    assert check("positive", **settings).check_loaded(-1) == -1


def test_data_that_passed_its_save_can_skip_the_load_check() -> None:
    checked = check("twice", skip_load_after_save=True)
    assert checked.check_loaded(1) == 2
    checked.check_saved(1)
    assert checked.check_loaded(1) == 1
    assert checked.check_loaded(1, is_saved=False) == 2
    checked.forget_save()
    assert checked.check_loaded(1) == 2


def test_data_that_failed_its_save_with_a_warning_is_checked_again(caplog: pytest.LogCaptureFixture) -> None:
    checked = check("positive", skip_load_after_save=True, severity="warn")
    with caplog.at_level(logging.WARNING):
        checked.check_loaded(checked.check_saved(-1))
    assert caplog.text.count("Validation failed") == 2


@pytest.mark.parametrize("name", ["nope", "awaited"])
def test_a_broken_validator_fails_at_any_severity(name: str) -> None:
    checked = check(name, severity="warn")
    with pytest.raises(ValidationConfigurationError):
        checked.check_loaded(1)


def test_system_exit_passes_through() -> None:
    with pytest.raises(SystemExit):
        check("leaving", severity="warn").check_loaded(1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), (" TRUE ", True), ("on", True), ("0", False), ("False", False), ("OFF", False)],
)
def test_the_environment_variable_beats_the_settings(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: bool
) -> None:
    monkeypatch.setenv("KEDRO_DATASET_VALIDATION", value)
    assert is_switched_on(True) is is_switched_on(False) is expected


@pytest.mark.parametrize("value", ["", "yes", "no", "2"])
def test_other_values_of_the_variable_are_ignored(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KEDRO_DATASET_VALIDATION", value)
    assert is_switched_on(True)
    assert not is_switched_on(False)
