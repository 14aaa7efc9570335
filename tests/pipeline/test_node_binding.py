"""Binding datasets to the parameters of a function."""

import functools
import operator
from typing import Any

import pytest

from kedro_asgi.errors import NodeSignatureError
from kedro_asgi.pipeline import node


def pair(x: Any, y: Any) -> Any:
    return x, y


def ordered(x: Any, *args: Any, z: Any = 1, **more: Any) -> Any:
    return x, args, z, more


@pytest.mark.parametrize(
    ("inputs", "shown"), [("a", "a"), (["a", "b", "c"], "['a', 'b', 'c']"), ({"x": "a"}, "{'x': 'a'}"), (None, "None")]
)
def test_inputs_that_the_function_does_not_accept_are_refused(inputs: Any, shown: str) -> None:
    with pytest.raises(TypeError) as caught:
        node(pair, inputs, "out")

    assert isinstance(caught.value, NodeSignatureError)
    assert str(caught.value) == f"Inputs of 'pair' function expected ['x', 'y'], but got {shown}"


def test_the_signature_of_a_wrapper_is_its_own() -> None:
    @functools.wraps(pair)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return len(args)

    made = node(wrapper, ["a", "b", "c"], "out")

    assert made.run({"a": 1, "b": 2, "c": 3}) == {"out": 3}
    assert made.name.startswith("pair__")


@pytest.mark.parametrize("function", [operator.add, len, "".join])
def test_positions_in_builtins_are_not_checked(function: Any) -> None:
    assert node(function, ["a", "b", "c"], "out").inputs == ["a", "b", "c"]


@pytest.mark.parametrize("function", [str, dict, operator.itemgetter(0)])
def test_a_function_without_a_signature_is_not_checked(function: Any) -> None:
    assert node(function, "a", "out", name="n").inputs == ["a"]


def test_a_builtin_and_a_class_are_called() -> None:
    assert node(max, ["a", "b"], "out").run({"a": 1, "b": 2}) == {"out": 2}
    assert node(dict, {"k": "a"}, "out").run({"a": 1}) == {"out": {"k": 1}}


def test_a_list_goes_by_position_and_a_dict_by_keyword() -> None:
    data = {"a": 1, "b": 2}

    assert node(pair, ["b", "a"], "out").run(data) == {"out": (2, 1)}
    assert node(pair, {"y": "b", "x": "a"}, "out").run(data) == {"out": (1, 2)}


def test_a_dataset_may_be_bound_twice() -> None:
    assert node(pair, ["a", "a"], "out").run({"a": 1}) == {"out": (1, 1)}
    assert node(pair, {"x": "a", "y": "a"}, "out").run({"a": 1}) == {"out": (1, 1)}


@pytest.mark.parametrize("inputs", [None, [], {}])
def test_a_function_without_inputs_is_called_without_arguments(inputs: Any) -> None:
    assert node(lambda: 7, inputs, "out").run() == {"out": 7}


def test_dict_inputs_are_listed_in_the_order_of_the_parameters() -> None:
    made = node(ordered, {"q": "a", "z": "c", "p": "d", "x": "b"}, "out")

    assert made.inputs == ["b", "c", "a", "d"]
    assert made.run({"a": 1, "b": 2, "c": 3, "d": 4}) == {"out": (2, (), 3, {"q": 1, "p": 4})}


def test_a_partial_and_a_method_are_called() -> None:
    class Holder:
        def method(self, x: int) -> int:
            return x + 1

    assert node(functools.partial(pair, 1), "a", "out").run({"a": 2}) == {"out": (1, 2)}
    assert node(Holder().method, "a", "out").run({"a": 2}) == {"out": 3}


def test_a_node_copies_the_names_that_it_gets() -> None:
    inputs, outputs = ["a", "b"], {"x": "c"}
    made = node(pair, inputs, outputs)
    inputs.append("z")
    outputs["y"] = "z"

    assert made.inputs == ["a", "b"]
    assert made.outputs == ["c"]
    assert made._outputs == {"x": "c"}


async def awaited(x: int) -> int:
    return x


def yielded(x: int) -> Any:
    yield x


class AsyncObject:
    async def __call__(self, x: int) -> int:
        return x

    async def method(self, x: int) -> int:
        return x


@pytest.mark.parametrize(
    "function",
    [
        awaited,
        functools.partial(awaited),
        AsyncObject(),
        functools.partial(AsyncObject()),
        AsyncObject().method,
    ],
)
def test_async_functions_are_detected(function: Any) -> None:
    made = node(function, "a", "out", name="n")

    assert made.is_async
    assert not made.is_generator


@pytest.mark.parametrize("function", [pair, functools.partial(pair, 1), lambda x: x, AsyncObject, yielded])
def test_other_functions_are_not_async(function: Any) -> None:
    inputs = {pair: ["a", "b"], AsyncObject: None}.get(function, "a")

    assert not node(function, inputs, "out", name="n").is_async


def test_generator_functions_are_detected() -> None:
    assert node(yielded, "a", "out").is_generator
    assert node(functools.partial(yielded), "a", "out").is_generator
    assert not node(lambda x: yielded(x), "a", "out").is_generator
