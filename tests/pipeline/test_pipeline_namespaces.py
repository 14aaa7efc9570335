"""Namespaces that a pipeline leaves and enters again."""

import warnings
from typing import Any

import pytest

from kedro_asgi.pipeline import Node, node, pipeline


def anything(*args: Any) -> Any:
    return args


def step(name: str, inputs: Any, outputs: Any, namespace: str | None = None) -> Node:
    return node(anything, inputs, outputs, name=name, namespace=namespace)


def warned(*nodes: Node) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipeline(nodes)
    return [str(warning.message) for warning in caught]


def told(namespace: str, nodes: list[str]) -> list[str]:
    return [f"Namespace '{namespace}' is interrupted by nodes {nodes} and thus invalid."]


def test_a_path_that_leaves_a_namespace_and_returns_warns() -> None:
    with pytest.warns(UserWarning, match=r"Namespace 'n1' is interrupted by nodes \['mid'\] and thus invalid\."):
        pipeline([step("x", "a", "b", "n1"), step("mid", "b", "c"), step("y", "c", "d", "n1")])


def test_the_warning_lists_the_whole_path_outside() -> None:
    nodes = [
        step("x", "a", "b", "n1"),
        step("one", "b", "c"),
        step("two", "c", "d", "n2"),
        step("y", ["d", "b"], "e", "n1"),
    ]

    assert warned(*nodes) == told("n1", ["one", "n2.two"])


@pytest.mark.parametrize(
    "nodes",
    [
        [step("x", "a", "b", "n1"), step("mid", "b", "c"), step("y", "b", "d", "n1")],
        [step("x", "a", "b", "n1"), step("mid", "b", "c", "n1.in"), step("y", "c", "d", "n1")],
        [step("x", "a", "b", "n1"), step("y", "b", "d", "n1"), step("mid", "d", "c", "n2")],
        [step("x", "a", "b"), step("mid", "b", "c", "n1"), step("y", "c", "d")],
    ],
)
def test_other_paths_do_not_warn(nodes: list[Node]) -> None:
    assert warned(*nodes) == []


def test_an_inner_namespace_can_be_left_for_the_outer_one() -> None:
    nodes = [step("x", "a", "b", "n1.in"), step("mid", "b", "c", "n1"), step("y", "c", "d", "n1.in")]

    assert warned(*nodes) == told("n1.in", ["n1.mid"])


def test_the_warning_names_the_outermost_of_nested_namespaces() -> None:
    nodes = [step("x", "a", "b", "n1.in"), step("mid", "b", "c"), step("y", "c", "d", "n1.in")]

    assert warned(*nodes) == told("n1", ["mid"])


def test_each_namespace_is_warned_about_once() -> None:
    nodes = [
        step("x", "a", "b", "n1"),
        step("mid", "b", "c"),
        step("y", "c", "d", "n1"),
        step("z", "c", "e", "n1"),
    ]

    assert warned(*nodes) == told("n1", ["mid"])


def test_slicing_a_pipeline_does_not_warn_again() -> None:
    with pytest.warns(UserWarning, match="interrupted"):
        made = pipeline([step("x", "a", "b", "n1"), step("mid", "b", "c"), step("y", "c", "d", "n1")])

    assert made.filter(from_nodes=["n1.x"], to_nodes=["n1.y"]).tag("t").nodes == made.nodes
