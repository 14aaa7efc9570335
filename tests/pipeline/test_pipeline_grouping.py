"""Groups of nodes, for tools that deploy a group together."""

from typing import Any

import pytest

from kedro_asgi.errors import GroupingError
from kedro_asgi.pipeline import GroupedNodes, Node, Pipeline, node, pipeline


def anything(*args: Any) -> Any:
    return args


def step(name: str, inputs: Any, outputs: Any, namespace: str | None = None) -> Node:
    return node(anything, inputs, outputs, name=name, namespace=namespace)


def grouped() -> Pipeline:
    return pipeline(
        [
            step("x", "a", "b", "n1.s"),
            step("x2", "b", "c", "n1"),
            step("mid", ["c", "b"], "d"),
            step("y", ["d", "c"], "e", "n2"),
        ]
    )


def test_nodes_are_grouped_by_their_top_level_namespace() -> None:
    expected = [
        GroupedNodes("n1", "namespace", ["n1.s.x", "n1.x2"], []),
        GroupedNodes("mid", "nodes", ["mid"], ["n1"]),
        GroupedNodes("n2", "namespace", ["n2.y"], ["mid", "n1"]),
    ]

    assert grouped().group_nodes_by() == expected
    assert grouped().group_nodes_by("namespace") == expected
    assert grouped().group_nodes_by("NAMESPACE") == expected


@pytest.mark.parametrize("group_by", [None, "none", "None"])
def test_without_grouping_each_node_is_a_group(group_by: str | None) -> None:
    assert grouped().group_nodes_by(group_by) == [
        GroupedNodes("n1.s.x", "nodes", ["n1.s.x"], []),
        GroupedNodes("n1.x2", "nodes", ["n1.x2"], ["n1.s.x"]),
        GroupedNodes("mid", "nodes", ["mid"], ["n1.s.x", "n1.x2"]),
        GroupedNodes("n2.y", "nodes", ["n2.y"], ["mid", "n1.x2"]),
    ]


def test_other_strategies_are_refused() -> None:
    with pytest.raises(GroupingError, match="Unsupported group_by strategy: zz"):
        grouped().group_nodes_by("zz")


def test_a_group_is_empty_by_default() -> None:
    assert GroupedNodes("n", "nodes") == GroupedNodes(name="n", type="nodes", nodes=[], dependencies=[])
