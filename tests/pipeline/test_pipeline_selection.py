"""Slicing a pipeline."""

import re
from typing import Any

import pytest

from kedro_asgi.errors import (
    DatasetNotInPipelineError,
    EmptyPipelineError,
    NamespaceNotFoundError,
    NodeNotFoundError,
    SelectionError,
    error_type,
)
from kedro_asgi.pipeline import Node, Pipeline, node, pipeline


def anything(*args: Any) -> Any:
    return args


def step(name: str, inputs: Any, outputs: Any, **more: Any) -> Node:
    return node(anything, inputs, outputs, name=name, **more)


def names(made: Pipeline) -> list[str]:
    return [made.name for made in made.nodes]


@pytest.fixture
def diamond() -> Pipeline:
    return pipeline(
        [
            step("d", ["B", "C"], "D"),
            step("c", "A", "C"),
            step("b", "A", "B", tags="t2"),
            step("a", "in", "A", tags=["t1", "t2"]),
            step("e", "zin", "E"),
        ]
    )


@pytest.fixture
def spaced() -> Pipeline:
    return pipeline(
        [
            step("k", "a", "b", namespace="ns"),
            step("k", "b", "c", namespace="ns.inner"),
            step("z", "c", "d"),
            step("y", "d", "e", namespace="ns2"),
        ]
    )


@pytest.fixture
def transcoded() -> Pipeline:
    return pipeline([step("w", ["in", "params:x"], "x@s"), step("r", "x@l", "y@a"), step("r2", "x@m", "z")])


def test_nodes_are_selected_by_full_name(diamond: Pipeline, spaced: Pipeline) -> None:
    assert names(diamond.only_nodes("d", "a")) == ["a", "d"]
    assert names(diamond.only_nodes()) == []
    assert names(spaced.only_nodes("ns.inner.k")) == ["ns.inner.k"]


@pytest.mark.parametrize("method", ["only_nodes", "from_nodes", "to_nodes"])
def test_unknown_nodes_are_refused(diamond: Pipeline, method: str) -> None:
    with pytest.raises(ValueError) as caught:
        getattr(diamond, method)("q", "a", "z")

    assert isinstance(caught.value, NodeNotFoundError)
    assert error_type(caught.value) == "ValueError"
    assert str(caught.value) == "Pipeline does not contain nodes named ['q', 'z']."


def test_nodes_in_namespaces_are_suggested(spaced: Pipeline) -> None:
    with pytest.raises(NodeNotFoundError) as caught:
        spaced.only_nodes("k")
    assert str(caught.value).endswith("named ['k']. Did you mean: ['ns.k', 'ns.inner.k']?")

    with pytest.raises(NodeNotFoundError) as caught:
        spaced.only_nodes("s.k")
    assert caught.value.matches == ["ns.k"]


def test_repeated_names_count_once(diamond: Pipeline) -> None:
    assert names(diamond.only_nodes("a", "a")) == ["a"]
    assert names(diamond.from_nodes("b", "b")) == ["b", "d"]
    assert names(diamond.filter(node_names=["a", "a"])) == ["a"]


def test_a_slice_starts_or_ends_at_nodes(diamond: Pipeline) -> None:
    assert names(diamond.from_nodes("b")) == ["b", "d"]
    assert names(diamond.from_nodes("b", "e")) == ["b", "e", "d"]
    assert names(diamond.to_nodes("b")) == ["a", "b"]
    assert names(diamond.to_nodes()) == []


def test_a_slice_starts_or_ends_at_datasets(diamond: Pipeline) -> None:
    assert names(diamond.from_inputs("A")) == ["b", "c", "d"]
    assert names(diamond.to_outputs("B", "E")) == ["a", "e", "b"]


def test_nothing_starts_at_an_output_or_ends_at_an_input(diamond: Pipeline) -> None:
    assert names(diamond.from_inputs("D")) == []
    assert names(diamond.to_outputs("in")) == []
    assert names(diamond.from_inputs()) == []


@pytest.mark.parametrize("method", ["from_inputs", "to_outputs", "only_nodes_with_inputs", "only_nodes_with_outputs"])
def test_unknown_datasets_are_refused(diamond: Pipeline, method: str) -> None:
    with pytest.raises(DatasetNotInPipelineError) as caught:
        getattr(diamond, method)("Q", "P", "A")

    assert str(caught.value) == "Pipeline does not contain datasets named ['P', 'Q']"


def test_direct_readers_and_writers_are_selected(diamond: Pipeline) -> None:
    assert names(diamond.only_nodes_with_inputs("A", "in")) == ["a", "b", "c"]
    assert names(diamond.only_nodes_with_outputs("A", "D")) == ["a", "d"]
    assert names(diamond.only_nodes_with_outputs("in")) == []


def test_any_of_the_tags_selects_a_node(diamond: Pipeline) -> None:
    assert names(diamond.only_nodes_with_tags("t1", "t2")) == ["a", "b"]
    assert names(diamond.only_nodes_with_tags("unknown")) == []
    assert names(diamond.only_nodes_with_tags()) == []


def test_namespaces_select_nested_namespaces(spaced: Pipeline) -> None:
    assert names(spaced.only_nodes_with_namespaces(["ns"])) == ["ns.k", "ns.inner.k"]
    assert names(spaced.only_nodes_with_namespaces(["ns.inner", "ns2"])) == ["ns.inner.k", "ns2.y"]


def test_overlapping_namespaces_count_once(spaced: Pipeline) -> None:
    assert names(spaced.only_nodes_with_namespaces(["ns", "ns.inner", "ns"])) == ["ns.k", "ns.inner.k"]


@pytest.mark.parametrize("unknown", ["zz", "ns.inn", "", "k"])
def test_unknown_namespaces_are_refused(spaced: Pipeline, unknown: str) -> None:
    message = f"Pipeline does not contain nodes with the following namespaces: ['{unknown}']"

    with pytest.raises(NamespaceNotFoundError, match=re.escape(message)):
        spaced.only_nodes_with_namespaces(["ns", unknown])


@pytest.mark.parametrize(
    ("name", "readers", "writers"),
    [
        ("x", ["r", "r2"], ["w"]),
        ("x@l", ["r"], []),
        ("x@s", [], ["w"]),
        ("y", [], ["r"]),
        ("y@a", [], ["r"]),
        ("params:x", ["w"], []),
    ],
)
def test_a_base_name_stands_for_all_formats(
    transcoded: Pipeline, name: str, readers: list[str], writers: list[str]
) -> None:
    assert names(transcoded.only_nodes_with_inputs(name)) == readers
    assert names(transcoded.only_nodes_with_outputs(name)) == writers


def test_slices_follow_datasets_through_formats(transcoded: Pipeline) -> None:
    assert names(transcoded.from_inputs("in")) == ["w", "r", "r2"]
    assert names(transcoded.to_outputs("y")) == ["w", "r"]
    assert names(transcoded.to_outputs("x@l")) == []


@pytest.mark.parametrize("name", ["x@q", "z@q", "in@x"])
def test_an_unknown_format_is_an_unknown_dataset(transcoded: Pipeline, name: str) -> None:
    with pytest.raises(DatasetNotInPipelineError):
        transcoded.from_inputs(name)


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"node_names": ["a", "d"], "from_inputs": ["in"]}, ["a", "d"]),
        ({"from_nodes": ["b"], "to_nodes": ["d"]}, ["b", "d"]),
        ({"from_inputs": ["A"], "to_outputs": ["C"]}, ["c"]),
        ({"tags": ["t2"], "from_nodes": ["b"]}, ["b"]),
        ({"tags": ("t1",), "node_names": {"a"}, "to_outputs": iter(["D"])}, ["a"]),
        ({"tags": [], "from_nodes": None, "node_namespaces": ()}, ["a", "e", "b", "c", "d"]),
        ({}, ["a", "e", "b", "c", "d"]),
    ],
)
def test_a_filter_applies_each_criterion_to_the_whole_pipeline(
    diamond: Pipeline, criteria: dict[str, Any], expected: list[str]
) -> None:
    assert names(diamond.filter(**criteria)) == expected


def test_a_filter_accepts_namespaces(spaced: Pipeline) -> None:
    assert names(spaced.filter(node_namespaces=["ns"], from_nodes=["ns.inner.k"])) == ["ns.inner.k"]


@pytest.mark.parametrize("criteria", [{"tags": ["zz"]}, {"node_names": ["a"], "from_nodes": ["b"]}])
def test_an_empty_result_is_refused(diamond: Pipeline, criteria: dict[str, Any]) -> None:
    with pytest.raises(EmptyPipelineError, match="Pipeline contains no nodes after applying all provided filters"):
        diamond.filter(**criteria)


def test_an_empty_pipeline_is_refused_without_criteria() -> None:
    with pytest.raises(EmptyPipelineError):
        pipeline([]).filter()


@pytest.mark.parametrize(
    "criteria", [{"node_names": ["q"]}, {"to_outputs": ["q"]}, {"node_namespaces": ["q"]}, {"tags": ["q"]}]
)
def test_a_filter_raises_only_selection_errors(diamond: Pipeline, criteria: dict[str, Any]) -> None:
    with pytest.raises(SelectionError):
        diamond.filter(**criteria)


def test_a_bare_string_is_one_name(diamond: Pipeline, spaced: Pipeline) -> None:
    assert names(diamond.filter(tags="t1")) == ["a"]
    assert names(diamond.filter(from_inputs="in", to_nodes="b")) == ["a", "b"]
    assert names(spaced.only_nodes_with_namespaces("ns2")) == ["ns2.y"]
    with pytest.raises(NodeNotFoundError, match=r"\['ad'\]"):
        diamond.filter(node_names="ad")


def test_a_slice_has_its_own_layers(diamond: Pipeline) -> None:
    cut = diamond.from_nodes("b", "e")

    assert [[made.name for made in layer] for layer in cut.grouped_nodes] == [["b", "e"], ["d"]]
    assert cut.inputs() == {"A", "C", "zin"}


def test_a_slice_keeps_the_same_node_objects(diamond: Pipeline) -> None:
    assert diamond.only_nodes("a").nodes[0] is diamond.nodes[0]


def test_a_filter_without_criteria_is_another_pipeline_of_the_same_nodes(diamond: Pipeline) -> None:
    found = diamond.filter()
    assert found is not diamond
    assert found.nodes == diamond.nodes
