"""The members, attributes and operators of pipelines."""

import pickle
from typing import Any

import pytest

from kedro_asgi.errors import MissingNodesError, NodeNotUniqueError, NotANodeError
from kedro_asgi.pipeline import Node, Pipeline, node, pipeline


def anything(*args: Any, **kwargs: Any) -> Any:
    return args


def step(name: str, inputs: Any, outputs: Any, **more: Any) -> Node:
    return node(anything, inputs, outputs, name=name, **more)


def diamond() -> Pipeline:
    return pipeline(
        [
            step("d", ["B", "C"], "D"),
            step("c", "A", "C"),
            step("b", "A", "B"),
            step("a", "in", "A"),
            step("e", "zin", "E"),
        ]
    )


def names(made: Pipeline) -> list[str]:
    return [made.name for made in made.nodes]


def test_pipeline_is_the_same_as_the_class() -> None:
    assert isinstance(diamond(), Pipeline)
    assert names(Pipeline(diamond())) == names(diamond())


def test_nodes_and_pipelines_make_a_pipeline() -> None:
    items: list[Node | Pipeline] = [step("x", "d", "e"), pipeline([step("y", "e", "f")]), step("z", "f", "g")]
    made = pipeline(iter(items))

    assert names(made) == ["x", "y", "z"]


def test_a_pipeline_may_be_empty() -> None:
    made = pipeline([])

    assert made.nodes == []
    assert made.inputs() == made.outputs() == made.datasets() == set()


def test_none_is_refused() -> None:
    with pytest.raises(MissingNodesError, match="'nodes' argument of 'Pipeline' is None"):
        Pipeline(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("nodes", [[1], "text", [None], [[step("a", "b", "c")]]])
def test_objects_other_than_nodes_and_pipelines_are_refused(nodes: Any) -> None:
    with pytest.raises(AttributeError) as caught:
        Pipeline(nodes)
    assert isinstance(caught.value, NotANodeError)


def test_names_of_nodes_are_unique() -> None:
    with pytest.raises(NodeNotUniqueError) as caught:
        pipeline([step("n1", "a", "b"), step("n1", "c", "d")])

    start = "Pipeline nodes must have unique names. The following node names appear more than once:"
    assert str(caught.value).startswith(f"{start}\n\nFree nodes:\n  - n1\n")


def test_names_are_unique_across_nested_pipelines_too() -> None:
    inner = pipeline([step("b", "x", "y"), step("a", "w", "x")])

    with pytest.raises(NodeNotUniqueError) as caught:
        pipeline([step("a", "w", "x"), inner, inner, step("b", "x", "y"), step("b", "x", "y")])
    origin = "Pipeline([Node(anything, 'w', 'x', 'a'),Node(anything, 'x', 'y', 'b')])"
    assert caught.value.names == {origin: ["a", "b"], "Free nodes": ["b"]}


def test_tags_are_added_to_copies_of_the_nodes() -> None:
    untagged, tagged = step("a", "x", "y"), step("b", "y", "z", tags="t")
    made = pipeline([untagged, tagged], tags=["u"])

    assert [made.tags for made in made.nodes] == [{"u"}, {"t", "u"}]
    assert (untagged.tags, tagged.tags) == (set(), {"t"})
    assert [made.tags for made in made.tag("v").nodes] == [{"u", "v"}, {"t", "u", "v"}]


def test_a_pipeline_has_no_length_is_true_and_equals_itself_only() -> None:
    made = diamond()

    assert pipeline([])
    assert made == made
    assert made != diamond()
    with pytest.raises(TypeError):
        len(made)  # type: ignore[arg-type]


def test_inputs_are_read_and_not_written_and_outputs_the_reverse() -> None:
    made = diamond()

    assert made.inputs() == {"in", "zin"}
    assert made.outputs() == {"D", "E"}
    assert made.all_inputs() == {"in", "zin", "A", "B", "C"}
    assert made.all_outputs() == {"A", "B", "C", "D", "E"}
    assert made.datasets() == {"in", "zin", "A", "B", "C", "D", "E"}


def test_formats_are_ignored_for_dependencies_but_kept_in_names() -> None:
    made = pipeline([step("w", ["in", "params:x", "parameters"], "x@s"), step("r", "x@l", "y@a")])

    assert made.inputs() == {"in", "params:x", "parameters"}
    assert made.outputs() == {"y@a"}
    assert made.datasets() == {"in", "params:x", "parameters", "x@s", "x@l", "y@a"}


def test_a_pipeline_returns_copies() -> None:
    made = diamond()
    made.nodes.clear()
    made.grouped_nodes[0].clear()
    made.inputs().clear()

    assert names(made) == ["a", "e", "b", "c", "d"]
    assert len(made.grouped_nodes[0]) == 2
    with pytest.raises(TypeError):
        made.node_dependencies[made.nodes[0]] = set()  # type: ignore[index]


def test_addition_is_union_and_keeps_the_left_of_equal_nodes() -> None:
    left = pipeline([step("a", "x", "y", tags="left"), step("b", "y", "z")])
    right = pipeline([step("a", "x", "y", tags="right"), step("c", "z", "w")])

    for union in (left + right, left | right):
        assert names(union) == ["a", "b", "c"]
        assert union.nodes[0].tags == {"left"}


def test_addition_refuses_other_nodes_of_the_same_name() -> None:
    with pytest.raises(NodeNotUniqueError):
        pipeline([step("a", "x", "y")]) + pipeline([step("a", "x", "z")])


def test_difference_and_intersection_keep_the_left_nodes() -> None:
    left = pipeline([step("a", "x", "y", tags="left"), step("b", "y", "z")])
    right = pipeline([step("a", "x", "y", tags="right"), step("b", "y", "other")])

    assert names(left - right) == ["b"]
    assert names(left & right) == ["a"]
    assert (left & right).nodes[0].tags == {"left"}


def test_pipelines_can_be_summed() -> None:
    made = diamond()

    assert 0 + made is made
    assert names(sum([made, pipeline([step("f", "D", "F")])])) == ["a", "e", "b", "c", "d", "f"]


@pytest.mark.parametrize("other", [1, 0, None, [step("a", "x", "y")], step("a", "x", "y"), 0.0])
def test_other_objects_cannot_be_combined(other: Any) -> None:
    made = diamond()

    for combine in (
        lambda: made + other,
        lambda: made | other,
        lambda: made - other,
        lambda: made & other,
        lambda: other | made,
    ):
        with pytest.raises(TypeError):
            combine()


def test_only_zero_can_be_added_to() -> None:
    for other in (1, "", 0.0, None):
        with pytest.raises(TypeError):
            _ = other + diamond()


def test_a_pipeline_can_be_pickled() -> None:
    made = pipeline([node(len, "a", "b", name="first"), node(len, "b", "c", name="second")])
    _ = made.node_dependencies, made.grouped_nodes
    twin = pickle.loads(pickle.dumps(made))

    assert twin.nodes == made.nodes
    assert twin.node_dependencies == made.node_dependencies
