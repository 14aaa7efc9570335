"""Parameters become models where nodes require them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from kedro_asgi.errors import ParameterValidationError
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.validation import ParameterValidator, TypeExtractor


@dataclass
class Inner:
    rate: float
    n: int = 3


@dataclass
class Outer:
    inner: Any
    x: int = 1


def asking(hint: Any) -> Callable[..., Any]:
    def function(options: Any) -> Any:
        return options

    function.__annotations__ = {"options": hint}
    return function


def pipeline(**wishes: Any) -> Pipeline:
    return Pipeline(
        [
            node(asking(hint), "params:" + path.replace("__", "."), f"out_{number}", name=f"node_{number}")
            for number, (path, hint) in enumerate(wishes.items())
        ]
    )


def validated(raw: dict[str, Any], **wishes: Any) -> dict[str, Any]:
    return ParameterValidator({"p": pipeline(**wishes)}).validate_raw_params(raw)


def test_models_replace_raw_values_and_nothing_else_is_copied_or_changed() -> None:
    raw = {"m": {"rate": 1}, "deep": {"m": {"rate": 2}, "other": [1]}, "plain": {"k": [1]}}
    found = validated(raw, m=Inner, deep__m=Inner)
    assert found == {"m": Inner(1), "deep": {"m": Inner(2), "other": [1]}, "plain": {"k": [1]}}
    assert found["plain"] is raw["plain"]
    assert raw == {"m": {"rate": 1}, "deep": {"m": {"rate": 2}, "other": [1]}, "plain": {"k": [1]}}


def test_a_literal_key_with_a_dot_comes_before_a_nested_one() -> None:
    raw = {"deep.m": {"rate": 1}, "deep": {"m": {"rate": 2}}}
    assert validated(raw, deep__m=Inner) == {"deep.m": Inner(1), "deep": {"m": {"rate": 2}}}


@pytest.mark.parametrize("raw", [{}, {"deep": {}}, {"deep": 5}, {"deep": None}, {"deep": [{"rate": 1}]}])
def test_a_parameter_that_does_not_exist_is_ignored(raw: dict[str, Any]) -> None:
    assert validated(raw, deep__m=Inner, m=Inner) == raw


def test_a_path_through_a_key_with_a_dot_is_no_path_here() -> None:
    raw = {"a.b": {"c": {"rate": 1.0}}}
    assert validated(raw, a__b__c=Inner) == raw


def test_none_is_accepted_for_optional_hints_only() -> None:
    assert validated({"m": None}, m=Inner | None) == {"m": None}
    with pytest.raises(ParameterValidationError, match="Parameter 'm': value is None but type is not Optional"):
        validated({"m": None}, m=Inner)


def test_an_instance_stays_itself() -> None:
    model = Inner(1)
    assert validated({"m": model}, m=Inner)["m"] is model


def test_all_failures_are_reported_at_once() -> None:
    with pytest.raises(ParameterValidationError) as caught:
        validated({"a": {}, "b": 5, "c": None, "d": {"rate": 1}}, a=Inner, b=Inner, c=Inner, d=Inner)
    assert set(caught.value.failures) == {"a", "b", "c"}
    first, *rest = str(caught.value).splitlines()
    assert first == "Parameter validation failed:"
    assert "- Parameter 'a': Failed to instantiate Inner for parameter 'a': " in rest[0]
    assert rest[1:] == [
        "- Parameter 'b': Expected dict for dataclass Inner, got int",
        "- Parameter 'c': value is None but type is not Optional",
    ]


@pytest.mark.parametrize("paths", [("m", "m__inner"), ("m__inner", "m")])
def test_outer_and_inner_models_are_both_built(paths: tuple[str, str]) -> None:
    wishes = {path: {"m": Outer, "m__inner": Inner}[path] for path in paths}
    found = ParameterValidator({"p": pipeline(**wishes)}).validate({"m": {"inner": {"rate": 1}}})
    assert found.whole == {"m": Outer({"rate": 1})}
    assert found.models == {"m": Outer({"rate": 1}), "m.inner": Inner(1)}


def test_the_last_of_conflicting_types_counts_and_a_warning_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    pipelines = {"one": pipeline(m=Inner), "two": pipeline(m=Outer)}
    with caplog.at_level(logging.WARNING):
        assert TypeExtractor(pipelines).extract_types_from_pipelines() == {"m": Outer}
    assert "Conflicting type requirements for parameter 'm'" in caplog.text
    assert "pipeline 'two'" in caplog.text


def test_parameters_as_a_whole_are_never_typed() -> None:
    whole = Pipeline([node(asking(Inner), "parameters", "out", name="n")])
    assert ParameterValidator({"p": whole}).validate_raw_params({"rate": 1}) == {"rate": 1}


def test_without_types_the_parameters_come_back_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    raw = {"m": {"rate": 1}}
    with caplog.at_level(logging.INFO):
        validator = ParameterValidator({"p": pipeline(m=dict)})
    assert validator.validate(raw).whole is raw
    assert "No typed parameter requirements found, returning original parameters" in caplog.text


def test_inputs_in_place_of_parameters_become_models_too() -> None:
    validator = ParameterValidator({"p": pipeline(m=Inner, n=Inner)})
    given = {"params:m": {"rate": 1}, "rows": [1]}
    assert validator.validate_inputs(given) == {"params:m": Inner(1), "rows": [1]}
    assert validator.validate({"m": 5, "n": {"rate": 2}}, replaced=given).whole == {"m": 5, "n": Inner(2)}
    assert validator.validate({"m": {"rate": 3}}, replaced=given).whole == {"m": Inner(3)}
    with pytest.raises(ParameterValidationError, match="Parameter 'm': Expected dict for dataclass Inner, got list"):
        validator.validate_inputs({"params:m": []})
