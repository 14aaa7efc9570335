"""The boxes and edges that are drawn of a graph."""

import pytest

from graph.pipelines import graph_of, nested, same
from kedro_asgi.errors import NamespaceNotFoundError
from kedro_asgi.graph import draw
from kedro_asgi.pipeline import Pipeline, node


def ids(**options) -> set[str]:
    return {element.id for element in draw(nested(), **options).elements}


def test_labels_leave_the_namespace_to_a_second_line() -> None:
    drawn = {element.id: (element.label, element.detail) for element in draw(nested()).elements}
    assert drawn["node:a.b.fit"] == ("fit", "a.b")
    assert drawn["dataset:a.fitted"] == ("fitted", "a")
    assert drawn["parameter:params:a.b.depth"] == ("depth", "a.b")
    assert drawn["dataset:raw"] == ("raw", "")


def test_a_collapsed_namespace_hides_what_only_it_uses() -> None:
    drawing = draw(nested(), collapsed=["a"])
    assert {element.id for element in drawing.elements} == {
        *("dataset:source", "node:read", "dataset:raw", "namespace:a", "dataset:done", "node:send", "dataset:sent"),
    }
    box = next(element for element in drawing.elements if element.id == "namespace:a")
    assert (box.members, box.detail) == (("a.b.fit", "a.score", "a.keep"), "3 nodes")
    assert ("dataset:raw", "namespace:a") in drawing.edges
    assert ("namespace:a", "dataset:done") in drawing.edges


def test_a_nested_namespace_collapses_alone_or_with_the_one_around_it() -> None:
    assert {"namespace:a.b", "node:a.score", "dataset:a.fitted"} <= ids(collapsed=["a.b"])
    assert ids(collapsed=["a", "a.b"]) == ids(collapsed=["a"])


def test_parameters_can_be_left_out() -> None:
    assert not any(found.startswith("parameter:") for found in ids(with_parameters=False))
    assert not any("parameter:" in end for edge in draw(nested(), with_parameters=False).edges for end in edge)


def test_an_unknown_namespace_is_an_error_that_suggests_another() -> None:
    with pytest.raises(NamespaceNotFoundError, match=r"Did you mean 'a\.b'"):
        draw(nested(), collapsed=["a.bb"])


def test_a_dataset_in_two_formats_is_one_element() -> None:
    graph = graph_of(Pipeline([node(same, "x", "y@a", name="one"), node(same, "y@b", "z", name="two")]))
    assert [found.id for found in graph.datasets] == ["dataset:x", "dataset:y", "dataset:z"]
    assert {("node:one", "dataset:y"), ("dataset:y", "node:two")} <= set(draw(graph).edges)


def test_a_collapsed_namespace_does_not_read_what_it_writes_for_others() -> None:
    """``a`` reads ``done`` too, but an edge back into it would say nothing."""
    edges = draw(nested(), collapsed=["a"]).edges
    assert ("namespace:a", "dataset:done") in edges
    assert ("dataset:done", "namespace:a") not in edges
