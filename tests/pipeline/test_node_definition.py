"""The arguments of a node."""

import warnings
from typing import Any

import pytest

from kedro_asgi.errors import (
    NodeDefinitionError,
    NodeLoopError,
    NodeNameError,
    NodeOutputsNotUniqueError,
    TranscodingError,
    UnnamedNodeError,
    error_type,
)
from kedro_asgi.pipeline import Node, node


def identity(x: Any) -> Any:
    return x


def anything(*args: Any, **kwargs: Any) -> Any:
    return args


def test_node_is_the_same_as_the_class() -> None:
    made = node(identity, "a", "b", name="n", tags="t", confirms="c", namespace="ns", preview_fn=anything)

    assert isinstance(made, Node)
    assert made == Node(identity, "a", "b", name="n", namespace="ns")
    assert made._preview_fn is anything


def test_only_func_inputs_and_outputs_go_by_position() -> None:
    with pytest.raises(TypeError, match="positional"):
        Node(identity, "a", "b", "name")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("func", "inputs", "outputs", "message"),
    [
        ("text", "a", "b", "first argument must be a function, not 'str'."),
        (identity, ("a",), "b", "'inputs' type must be one of [String, List, Dict, None], not 'tuple'."),
        (identity, "a", {"b"}, "'outputs' type must be one of [String, List, Dict, None], not 'set'."),
        (anything, [1], "b", "names of variables used as inputs to the function must be of 'String' type"),
        (anything, "a", {"x": 1}, "names of variables used as outputs of the function must be of 'String' type"),
        (anything, None, None, "it must have some 'inputs' or 'outputs'."),
        (anything, [], {}, "it must have some 'inputs' or 'outputs'."),
        (anything, "", "", "it must have some 'inputs' or 'outputs'."),
    ],
)
def test_a_wrong_definition_is_refused(func: Any, inputs: Any, outputs: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        node(func, inputs, outputs)

    assert isinstance(caught.value, NodeDefinitionError)
    assert error_type(caught.value) == "ValueError"
    assert str(caught.value).startswith("Invalid Node definition: ")
    assert message in str(caught.value)
    assert str(caught.value).endswith("Format should be: node(function, inputs, outputs)")


@pytest.mark.parametrize("sides", [("a", None), (None, "b"), (["a"], []), ({}, {"x": "b"}), ("", "b")])
def test_inputs_or_outputs_are_enough(sides: tuple[Any, Any]) -> None:
    assert node(anything, *sides)


@pytest.mark.parametrize("outputs", [["b", "b"], {"x": "b", "y": "b"}])
def test_a_repeated_output_is_refused(outputs: Any) -> None:
    with pytest.raises(
        NodeOutputsNotUniqueError, match=r"due to duplicate output\(s\) \{'b'\}\.\nNode outputs must be unique\."
    ):
        node(identity, "a", outputs)


def test_an_input_may_be_named_twice() -> None:
    assert node(anything, ["a", "a"], "b").inputs == ["a", "a"]


@pytest.mark.parametrize(("inputs", "outputs"), [("a", "a"), ("a@x", "a@y"), (["b", "a"], ["c", "a@y"])])
def test_a_node_cannot_write_a_dataset_that_it_reads(inputs: Any, outputs: Any) -> None:
    with pytest.raises(NodeLoopError) as caught:
        node(anything, inputs, outputs)

    expected = "A node cannot have the same inputs and outputs even if they are transcoded: {'a'}"
    assert expected in str(caught.value)


@pytest.mark.parametrize(("inputs", "outputs"), [("a@x@y", "b"), ("b", "a@x@y")])
def test_two_formats_in_one_name_are_refused(inputs: str, outputs: str) -> None:
    with pytest.raises(TranscodingError) as caught:
        node(identity, inputs, outputs)

    assert str(caught.value) == "Expected maximum 1 transcoding separator, found 2 instead: 'a@x@y'."


@pytest.mark.parametrize("name", ["a", "A.b-c_1", "é", "名"])
def test_names_and_tags_have_word_characters_dots_and_hyphens(name: str) -> None:
    made = node(identity, "a", "b", name=name, tags=name)

    assert made.name == name
    assert made.tags == {name}


@pytest.mark.parametrize("name", ["bad name", "a/b", "a\n", "\n", "a:b"])
def test_other_characters_and_a_final_newline_are_refused(name: str) -> None:
    with pytest.raises(NodeNameError) as caught:
        node(identity, "a", "b", name=name)
    assert f"{name!r} is not a valid node name." in str(caught.value)

    with pytest.raises(NodeNameError, match="is not a valid node tag"):
        node(identity, "a", "b", tags=["fine", name])


def test_an_empty_name_is_no_name() -> None:
    assert node(identity, "a", "b", name="").name == node(identity, "a", "b").name


@pytest.mark.parametrize("tags", ["one", ["one"], {"one"}, (tag for tag in ["one"])])
def test_tags_are_one_or_more(tags: Any) -> None:
    assert node(identity, "a", "b", tags=tags).tags == {"one"}


@pytest.mark.parametrize(("inputs", "namespace"), [("x.a", None), ("a@x.y", None), ("other.a", "ns"), ("nsx.a", "ns")])
def test_a_dot_in_a_dataset_name_warns(inputs: str, namespace: str | None) -> None:
    with pytest.warns(UserWarning, match="dot notation is reserved"):
        node(identity, inputs, "b", namespace=namespace)


@pytest.mark.parametrize(
    ("inputs", "namespace"),
    [("ns.a", "ns"), ("ns.in.a", "ns"), ("ns.a", "ns.in"), ("params:model.size", None), ("parameters", None)],
)
def test_a_dot_does_not_warn_in_the_nodes_namespace_and_in_parameters(inputs: str, namespace: str | None) -> None:
    assert node(identity, inputs, "b", namespace=namespace).inputs == [inputs]


def test_the_warning_of_dots_is_shown_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        node(identity, "x.a", "b")
        node(identity, "y.a", "b")

    assert len(caught) == 1


def test_a_node_may_write_parameters() -> None:
    assert node(anything, "a", ["params:z", "parameters"]).outputs == ["params:z", "parameters"]


def test_an_object_without_a_name_makes_a_node_that_needs_one() -> None:
    class Calling:
        def __call__(self, x: int) -> int:
            return x

    assert node(Calling(), "a", "b", name="n").name == "n"
    with pytest.raises(AttributeError, match="has no attribute '__name__'") as caught:
        _ = node(Calling(), "a", "b").name
    assert isinstance(caught.value, UnnamedNodeError)
