"""The models that a parameter can become."""

import logging
import subprocess
import sys
from dataclasses import InitVar, dataclass, field
from typing import Any, Optional, Union

import msgspec
import pydantic
import pytest

from kedro_asgi.errors import ModelInstantiationError, ParameterValidationError
from kedro_asgi.validation import instantiate_model
from kedro_asgi.validation.models import fields_of, model_type


@dataclass
class Options:
    rate: float
    steps: list[int] = field(default_factory=list)
    factor: InitVar[int] = 1

    def __post_init__(self, factor: int) -> None:
        self.steps.append(factor)


class Model(pydantic.BaseModel):
    rate: float
    alias: int = pydantic.Field(2, alias="al")
    _private: int = 3


class Record(msgspec.Struct):
    rate: float
    steps: list[int] = []


@pytest.mark.parametrize("cls", [Options, Model, Record])
@pytest.mark.parametrize("optional", [False, True])
def test_models_are_found_in_hints(cls: Any, optional: bool) -> None:
    for hint in [Optional[cls], cls | None] if optional else [cls]:  # noqa: UP045
        found = model_type(hint)
        assert found is not None
        assert (found.hint, found.cls, found.is_optional) == (hint, cls, optional)


@pytest.mark.parametrize("hint", [int, dict, None, Any, list[Options], type[Options], "Options", int | str])
def test_other_hints_require_no_model(hint: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert model_type(hint) is None
    assert caplog.text == ""


@pytest.mark.parametrize("hint", [Union[Options, Model], Options | dict, Model | int | None])  # noqa: UP007
def test_a_union_of_several_types_is_not_validated_but_logged(hint: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert model_type(hint) is None
    assert "is not supported for validation" in caplog.text


@pytest.mark.parametrize("cls", [Options, Model, Record])
def test_a_mapping_becomes_a_model(cls: Any) -> None:
    made = instantiate_model("o", {"rate": 1}, cls)
    assert isinstance(made, cls)
    assert made.rate == 1


def test_a_dataclass_does_not_check_the_types_of_its_fields() -> None:
    assert instantiate_model("o", {"rate": "abc"}, Options).rate == "abc"


def test_pydantic_converts_texts_and_msgspec_does_not() -> None:
    assert instantiate_model("o", {"rate": "0.5"}, Model).rate == 0.5
    with pytest.raises(ModelInstantiationError, match=r"Expected `float`, got `str` - at `\$.rate`"):
        instantiate_model("o", {"rate": "0.5"}, Record)


def test_a_model_is_built_from_a_copy() -> None:
    raw = {"rate": 1, "steps": [1]}
    assert instantiate_model("o", raw, Options).steps == [1, 1]
    assert raw == {"rate": 1, "steps": [1]}


@pytest.mark.parametrize(
    ("raw", "cls", "reason"),
    [
        ({"nope": 1}, Options, "Failed to instantiate Options for parameter 'o': .*unexpected keyword argument 'nope'"),
        ({}, Options, "missing 1 required positional argument: 'rate'"),
        ([1], Options, "Expected dict for dataclass Options, got list"),
        ({1: 2}, Options, "keywords must be strings"),
        ({}, Model, "Failed to instantiate Model for parameter 'o': 1 validation error for Model"),
        (5, Record, "Failed to instantiate Record for parameter 'o': Expected `object`, got `int`"),
    ],
)
def test_the_error_of_a_failed_model_says_why(raw: Any, cls: Any, reason: str) -> None:
    with pytest.raises(ModelInstantiationError, match=reason) as caught:
        instantiate_model("o", raw, cls)
    assert isinstance(caught.value, ParameterValidationError)
    assert list(caught.value.failures) == ["o"]


def test_a_value_for_a_class_that_is_no_model_stays_as_it_is() -> None:
    assert instantiate_model("o", {"rate": 1}, int) == {"rate": 1}


def test_fields_are_declared_fields() -> None:
    assert fields_of(Options(1.0)) == {"rate": 1.0, "steps": [1]}
    assert fields_of(Model(rate=1, al=3)) == {"rate": 1.0, "alias": 3}
    assert fields_of(Record(1.0)) == {"rate": 1.0, "steps": []}
    assert fields_of({"rate": 1}) is None
    assert fields_of(Options) is None


def test_pydantic_is_not_imported_to_look_for_its_models() -> None:
    code = (
        "import sys; from kedro_asgi.validation.models import *; model_type(dict); assert 'pydantic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
