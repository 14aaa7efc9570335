"""Dependencies between nodes, and the order in which they run."""

import itertools
from typing import Any

import pytest

from kedro_asgi.errors import CircularDependencyError
from kedro_asgi.pipeline import Node, Pipeline, node, pipeline


def anything(*args: Any) -> Any:
    return args


def step(name: str, inputs: Any, outputs: Any) -> Node:
    return node(anything, inputs, outputs, name=name)


def layers(made: Pipeline) -> list[list[str]]:
    return [[made.name for made in layer] for layer in made.grouped_nodes]


def test_layers_are_the_same_whatever_the_order_of_the_nodes() -> None:
    nodes = [
        step("a", "in", "A"),
        step("b", "A", "B"),
        step("c", "A", "C"),
        step("d", ["B", "C"], "D"),
        step("e", "zin", "E"),
    ]

    for shuffled in itertools.permutations(nodes):
        made = pipeline(shuffled)
        assert layers(made) == [["a", "e"], ["b", "c"], ["d"]]
        assert [made.name for made in made.nodes] == ["a", "e", "b", "c", "d"]


def test_a_layer_is_sorted_by_code_point() -> None:
    made = pipeline([step(name, "in", f"out_{name}") for name in ["alpha", "é", "Beta", "Z", "_"]])

    assert layers(made) == [["Beta", "Z", "_", "alpha", "é"]]


def test_formats_connect_nodes() -> None:
    write, read = step("write", "in", "x@spark"), step("a_read", "x@pandas", "y")
    made = pipeline([read, write])

    assert layers(made) == [["write"], ["a_read"]]
    assert made.node_dependencies == {read: {write}, write: set()}


def test_a_node_waits_once_for_each_parent() -> None:
    first, second = step("first", "in", ["x", "y"]), step("second", ["x", "y", "x"], "z")

    assert pipeline([first, second]).node_dependencies == {first: set(), second: {first}}


@pytest.mark.parametrize(
    "cycle",
    [
        [step("x", "z", "y"), step("y", "y", "z")],
        [step("x", "z@b", "y@b"), step("y", "y@a", "z@a")],
    ],
)
def test_cycles_are_refused(cycle: list[Node]) -> None:
    with pytest.raises(CircularDependencyError) as caught:
        pipeline([step("before", None, "start"), *cycle])

    assert "Circular dependencies exist among the following 2 item(s): [Node(anything, " in str(caught.value)
    assert sorted(caught.value.names) == ["x", "y"]
