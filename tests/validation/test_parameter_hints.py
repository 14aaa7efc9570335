"""Type hints of parameters, also of wrapped functions."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from kedro_asgi.pipeline import node
from kedro_asgi.validation.hints import parameter_hints


@dataclass
class Options:
    rate: float


def plain(options: Options, other: int) -> None: ...


def postponed(options: "Options", other: "NoSuchType") -> "NoSuchType": ...  # noqa: F821


def annotated(options: Annotated[Options, "note"]) -> None: ...


def transparent(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def opaque(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args):
        return function(*args)

    return wrapper


def filling(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(options: Any) -> Any:
        return function(1, options)

    return wrapper


class Step:
    def __call__(self, options: Options) -> None: ...

    def method(self, options: Options) -> None: ...

    @classmethod
    def of_class(cls, options: Options) -> None: ...

    @staticmethod
    def static(options: Options) -> None: ...


async def awaited(options: Options) -> None: ...


def generating(options: Options) -> Any:
    yield 1


def second(first: int, options: Options) -> None: ...


def keyword(*, options: Options) -> None: ...


def many(*options: Options) -> None: ...


def skipping(first: int = 0, options: Options | None = None) -> None: ...


def hints(function: Any, inputs: Any = "params:o") -> dict[str, Any]:
    made = node(function, inputs, "out", name="n")
    found = parameter_hints(function, [name for name, _ in made.arguments])
    return {dataset: found[name] for name, dataset in made.arguments if name in found}


@pytest.mark.parametrize(
    "function",
    [
        annotated,
        transparent(annotated),
        functools.partial(second, 1),
        functools.partial(plain, other=2),
        functools.partial(functools.partial(second), 1),
        filling(second),
        Step(),
        Step().method,
        Step.of_class,
        Step.static,
        awaited,
        generating,
        many,
    ],
)
def test_the_hint_of_the_argument_that_gets_the_parameter(function: Any) -> None:
    assert hints(function) == {"params:o": Options}


def test_arguments_are_matched_by_name() -> None:
    assert hints(keyword, {"options": "params:o"}) == {"params:o": Options}
    assert hints(skipping, {"options": "params:o"}) == {"params:o": Options | None}
    assert hints(second, {"options": "params:o", "first": "x"}) == {"x": int, "params:o": Options}
    assert hints(many, ["params:a", "params:b"]) == {"params:a": Options, "params:b": Options}


@pytest.mark.parametrize("function", [opaque(annotated), len, lambda options: options])
def test_functions_without_hints_have_none(function: Any) -> None:
    assert hints(function) == {}


def test_a_hint_that_fails_is_logged_and_the_others_are_found(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert hints(postponed, ["params:o", "params:p"]) == {"params:o": Options}
    assert "Could not extract type hints from function" in caplog.text
    assert "'other': name 'NoSuchType' is not defined" in caplog.text
