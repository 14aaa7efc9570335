"""Turning the result of a function into named outputs."""

from collections.abc import Iterator
from types import GeneratorType
from typing import Any, NamedTuple

import pytest

from kedro_asgi.errors import NodeOutputsError, error_type
from kedro_asgi.pipeline import Node, node


def returning(value: Any, outputs: Any) -> Node:
    return node(lambda: value, None, outputs, name="n")


class Point(NamedTuple):
    x: int
    y: int


@pytest.mark.parametrize("value", [1, None, [1, 2], {"k": 1}])
def test_a_single_output_is_the_unchanged_value(value: Any) -> None:
    assert returning(value, "b").run() == {"b": value}


@pytest.mark.parametrize("value", [[1, 2], (1, 2), Point(1, 2)])
def test_a_list_of_outputs_takes_a_list_or_a_tuple(value: Any) -> None:
    assert returning(value, ["b", "c"]).run() == {"b": 1, "c": 2}


def test_a_list_of_one_takes_a_list_of_one() -> None:
    assert returning([5], ["b"]).run() == {"b": 5}


@pytest.mark.parametrize(
    ("value", "outputs", "message"),
    [
        ({1, 2}, ["b", "c"], "a list of outputs ['b', 'c'], whereas the node function returned a 'set'."),
        (1, ["b"], "a list of outputs ['b'], whereas the node function returned a 'int'."),
        (None, ["b"], "a list of outputs ['b'], whereas the node function returned a 'NoneType'."),
        ([1], ["b", "c"], "returned 1 output(s), whereas the node definition contains 2 output(s)."),
        ({"x": 1}, {"x": "b", "y": "c"}, "The node's output keys {'x', 'y'} do not match with the returned"),
        ({"x": 1}, {"x": "b", "y": "c"}, "returned output's keys {'x'}."),
        ({"x": 1, "z": 2}, {"x": "b"}, "The node's output keys {'x'} do not match with the returned"),
        (
            [1],
            {"x": "b"},
            "the function output is <class 'list'>. It must return the keys {'x'}.",
        ),
    ],
)
def test_a_result_of_another_shape_is_refused(value: Any, outputs: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        returning(value, outputs).run()

    assert isinstance(caught.value, NodeOutputsError)
    assert error_type(caught.value) == "ValueError"
    assert message in str(caught.value)
    assert str(returning(value, outputs)) in str(caught.value)


def test_a_dict_of_outputs_takes_a_dict_with_its_keys() -> None:
    assert returning({"y": 2, "x": 1}, {"x": "b", "y": "c"}).run() == {"b": 1, "c": 2}


def test_an_empty_list_or_dict_of_outputs_takes_an_empty_result() -> None:
    echo = node(lambda x: x, "a", [], name="n")
    assert echo.run({"a": ()}) == {}
    assert node(lambda x: x, "a", {}, name="n").run({"a": {}}) == {}

    with pytest.raises(NodeOutputsError, match="a list of outputs"):
        echo.run({"a": None})


def test_without_outputs_a_result_is_dropped_with_a_warning() -> None:
    echo = node(lambda x: x, "a", None, name="n")

    assert echo.run({"a": None}) == {}
    with pytest.warns(UserWarning, match="'int'"):
        assert echo.run({"a": 1}) == {}


def chunks_of(*chunks: Any, outputs: Any) -> dict[str, Any]:
    def function() -> Iterator[Any]:
        yield from chunks

    return node(function, None, outputs, name="n").run()


def test_a_generator_for_one_output_is_the_value() -> None:
    outputs = chunks_of(1, 2, outputs="b")

    assert isinstance(outputs["b"], GeneratorType)
    assert list(outputs["b"]) == [1, 2]


@pytest.mark.parametrize(
    ("chunks", "outputs"),
    [([(1, 2), [3, 4]], ["b", "c"]), ([{"x": 1, "y": 2}, {"y": 4, "x": 3}], {"x": "b", "y": "c"})],
)
def test_a_generator_for_several_outputs_becomes_a_stream_for_each(chunks: Any, outputs: Any) -> None:
    streams = chunks_of(*chunks, outputs=outputs)

    assert [type(stream) for stream in streams.values()] == [GeneratorType, GeneratorType]
    assert list(zip(streams["b"], streams["c"], strict=True)) == [(1, 2), (3, 4)]


def test_only_the_first_chunk_is_read_early() -> None:
    drawn = []

    def function() -> Iterator[Any]:
        for number in range(3):
            drawn.append(number)
            yield number, -number

    streams = node(function, None, ["b", "c"]).run()
    assert drawn == [0]

    assert next(streams["b"]) == 0
    assert next(streams["c"]) == 0
    assert next(streams["c"]) == -1
    assert drawn == [0, 1]


@pytest.mark.parametrize(
    ("chunk", "outputs", "message"),
    [
        (1, ["b", "c"], "returned a 'int'"),
        ((1, 2, 3), ["b", "c"], r"returned 3 output\(s\)"),
        ({"y": 1}, {"x": "b"}, "output keys"),
    ],
)
def test_a_wrong_first_chunk_is_refused_at_once(chunk: Any, outputs: Any, message: str) -> None:
    with pytest.raises(NodeOutputsError, match=message):
        chunks_of(chunk, outputs=outputs)


def test_a_wrong_later_chunk_is_refused_when_it_is_read() -> None:
    stream = chunks_of((1, 2), 3, outputs=["b", "c"])["b"]

    assert next(stream) == 1
    with pytest.raises(NodeOutputsError, match="returned a 'int'"):
        next(stream)


@pytest.mark.parametrize("outputs", ["b", ["b"], ["b", "c"], {"x": "b"}])
def test_a_generator_that_yields_nothing_gives_no_chunks(outputs: Any) -> None:
    streams = chunks_of(outputs=outputs)

    assert [list(stream) for stream in streams.values()] == [[]] * len(streams)


def test_a_generator_that_a_plain_function_returns_streams_too() -> None:
    streams = returning(((n, -n) for n in (1, 2)), ["b", "c"]).run()

    assert list(streams["c"]) == [-1, -2]


def test_an_iterator_is_not_accepted_as_a_list() -> None:
    with pytest.raises(NodeOutputsError, match="'list_iterator'"):
        returning(iter([(1, 2)]), ["b", "c"]).run()
