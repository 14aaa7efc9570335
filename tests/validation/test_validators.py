"""From the path in a declaration to a validator."""

import functools
import sys
import types
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from kedro_asgi.errors import DataValidationError, ValidationConfigurationError, error_type
from kedro_asgi.validation import (
    CallableValidator,
    PanderaValidator,
    Validator,
    ValidatorSpec,
    preflight_check,
    resolve_validator,
)


class Plain:
    def __init__(self, **options: Any) -> None:
        self.options = options

    def validate(self, data: Any) -> Any:
        return data, self.options


class OfClass:
    @classmethod
    def validate(cls, data: Any) -> Any:
        return data


class NoValidate: ...


class Broken:
    def __init__(self) -> None:
        raise RuntimeError("no luck")

    def validate(self, data: Any) -> None: ...


def twice(data: Any) -> Any:
    return 2 * data


SCHEMA = pa.DataFrameSchema({"a": pa.Column(int, pa.Check.gt(0)), "b": pa.Column(str)})


class Model(pa.DataFrameModel):
    a: int = pa.Field(gt=0)
    b: str


@pytest.fixture(autouse=True)
def _targets(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("made_targets")
    for target in (Plain, OfClass, NoValidate, Broken, twice, Model):
        setattr(module, target.__name__, target)
    module.instance = Plain(own=1)
    module.partial = functools.partial(twice)
    module.number = 5
    module.schema = SCHEMA
    module.series = pa.SeriesSchema(int, pa.Check.gt(0))
    monkeypatch.setitem(sys.modules, "made_targets", module)


def resolved(name: str, **options: Any) -> Any:
    return resolve_validator(ValidatorSpec(f"made_targets.{name}", options=options))


def test_a_class_is_instantiated_with_the_options() -> None:
    assert resolved("Plain", k=1).validate(3) == (3, {"k": 1})
    assert resolved("Plain") is not resolved("Plain")
    assert resolved("OfClass").validate(3) == 3


def test_instances_and_functions_are_used_as_they_are() -> None:
    assert resolved("instance") is sys.modules["made_targets"].instance
    assert isinstance(resolved("twice"), CallableValidator)
    assert resolved("partial").validate(3) == 6
    assert all(isinstance(resolved(name), Validator) for name in ("instance", "twice", "Plain"))


def test_a_function_that_returns_nothing_leaves_the_data() -> None:
    assert CallableValidator(lambda data: None).validate(3) == 3


@pytest.mark.parametrize(
    ("path", "options", "problem"),
    [
        ("made_targets.nope", {}, "Could not import validator 'made_targets.nope': .*no attribute 'nope'"),
        ("no_such_module.f", {}, "Could not import validator 'no_such_module.f': No module named 'no_such_module'"),
        ("twice", {}, "Could not import validator 'twice'"),
        (".made_targets.twice", {}, "Could not import validator"),
        ("", {}, "Could not import validator ''"),
        ("made_targets.number", {}, r"resolved to int \(5\), which is not a validator class"),
        ("made_targets.NoValidate", {}, r"class NoValidate, which does not provide a 'validate\(data\)' method"),
        ("made_targets.Broken", {}, "Could not instantiate validator 'made_targets.Broken' with options {}: no luck"),
        ("made_targets.OfClass", {"k": 1}, r"with options {'k': 1}: OfClass\(\) takes no arguments"),
        ("made_targets.instance", {"k": 1}, r"is an instance and cannot accept options \['k'\]"),
        ("made_targets.twice", {"k": 1}, r"is a plain callable and cannot accept options \['k'\]"),
        ("made_targets.schema", {"k": 1}, r"Unsupported option\(s\) \['k'\] for pandera validator"),
    ],
)
def test_the_error_of_an_object_that_cannot_validate_says_why(path: str, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationConfigurationError, match=problem) as caught:
        resolve_validator(ValidatorSpec(path, options=options))
    assert error_type(caught.value) == "ValidationConfigurationError"
    assert caught.value.class_path == path


def test_preflight_check_reports_missing_packages() -> None:
    specs = {"x": ValidatorSpec("pandas.f"), "y": ValidatorSpec("no_such_package.sub.f"), "z": ValidatorSpec(".f")}
    problems = preflight_check(specs)
    assert len(problems) == 2
    assert "dataset 'y' requires package 'no_such_package' which is not installed" in problems[0]
    assert "dataset 'z' has an invalid class path '.f'" in problems[1]


@pytest.mark.parametrize("name", ["schema", "Model"])
def test_pandera_reports_every_failure_of_every_check(name: str) -> None:
    frame = pd.DataFrame({"a": [1, -2, -3], "b": ["x", None, "z"]})
    validator = resolved(name)
    assert isinstance(validator, PanderaValidator)
    with pytest.raises(DataValidationError) as caught:
        validator.validate(frame)
    model = "Model" if name == "Model" else "DataFrameSchema"
    assert str(caught.value.validator).endswith(f".{model}")
    first, second = caught.value.failures
    assert (first.column, first.check, first.failure_count, first.failure_examples) == (
        "a",
        "greater_than(0)",
        2,
        [-2, -3],
    )
    assert (second.column, second.check, second.failure_count) == ("b", "not_nullable", 1)
    assert "2 check(s) failed — 3 failure case(s):\n  - a: greater_than(0) — 2 cases (e.g. -2, -3)" in str(caught.value)


def test_pandera_stops_at_the_first_failure_if_not_lazy() -> None:
    frame = pd.DataFrame({"a": [1, -2, -3], "b": ["x", None, "z"]})
    with pytest.raises(DataValidationError) as caught:
        resolved("schema", lazy=False).validate(frame)
    [failure] = caught.value.failures
    assert (failure.column, failure.check, failure.failure_count) == ("a", "greater_than(0)", 2)


@pytest.mark.parametrize("lazy", [True, False])
def test_pandera_reports_a_missing_column(lazy: bool) -> None:
    with pytest.raises(DataValidationError, match="column_in_dataframe — 1 case .e.g. b."):
        resolved("schema", lazy=lazy).validate(pd.DataFrame({"a": [1]}))


def test_pandera_options_limit_the_data_and_other_errors_pass() -> None:
    frame = pd.DataFrame({"a": [1, -2], "b": ["x", "y"]})
    assert resolved("schema", head=1).validate(frame) is not None
    with pytest.raises(TypeError, match="list"):
        resolved("schema").validate([1])


def test_pandera_schemas_of_other_kinds_work_too() -> None:
    with pytest.raises(DataValidationError, match=r"greater_than\(0\) — 1 case \(e.g. -1\)"):
        resolved("series").validate(pd.Series([1, -1]))


class MakesAnother:
    def __new__(cls) -> Any:
        return object()

    def validate(self, data: Any) -> Any:
        return data


def test_a_class_that_makes_no_validator_is_refused() -> None:
    with pytest.raises(ValidationConfigurationError, match="made a object, which has no 'validate"):
        resolve_validator(ValidatorSpec(f"{__name__}.MakesAnother"))


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("nowhere_at_all.Schema", "Check that the class path is correct"),
        ("pandera.nowhere.Schema", "pandera is installed but .* check the class path"),
    ],
)
def test_a_validator_that_cannot_be_imported_is_an_error_with_a_hint(path: str, hint: str) -> None:
    with pytest.raises(ValidationConfigurationError, match=hint):
        resolve_validator(ValidatorSpec(path))
