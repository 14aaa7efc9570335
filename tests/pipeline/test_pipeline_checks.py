"""Conflicts between the nodes of one pipeline."""

from typing import Any

import pytest

from kedro_asgi.errors import ConfirmNotUniqueError, MixedTranscodingError, OutputNotUniqueError
from kedro_asgi.pipeline import Node, node, pipeline


def anything(*args: Any) -> Any:
    return args


def step(name: str, inputs: Any, outputs: Any, **more: Any) -> Node:
    return node(anything, inputs, outputs, name=name, **more)


@pytest.mark.parametrize(("first", "second"), [("b", ["b", "c"]), ("b@x", "b@y"), (["b@x", "b@y"], "c")])
def test_two_writers_of_a_dataset_are_refused(first: Any, second: Any) -> None:
    with pytest.raises(OutputNotUniqueError, match=r"Output\(s\) \['b'\] are returned by more than one nodes\."):
        pipeline([step("one", "in", first), step("two", "in", second)])


@pytest.mark.parametrize(("first", "second"), [("k", ["k", "l"]), ("k@x", "k@y"), (["k", "k"], None)])
def test_two_confirmations_of_a_dataset_are_refused(first: Any, second: Any) -> None:
    with pytest.raises(ConfirmNotUniqueError, match=r"\['k'\] datasets are confirmed by more than one node\."):
        pipeline([step("one", "in", "x", confirms=first), step("two", "in", "y", confirms=second)])


def test_a_dataset_with_and_without_format_is_refused() -> None:
    expected = "The following datasets are used with transcoding, but were referenced without the separator: b."

    with pytest.raises(MixedTranscodingError, match=expected):
        pipeline([step("one", "in", "b"), step("two", "b@x", "c")])


def test_of_several_faults_the_same_one_is_always_reported() -> None:
    cycle = [step("one", "x", "y", confirms="k"), step("two", "y", "x", confirms="k")]

    with pytest.raises(ConfirmNotUniqueError):
        pipeline(cycle)
    with pytest.raises(OutputNotUniqueError):
        pipeline([*cycle, step("three", "in", "x")])
    with pytest.raises(MixedTranscodingError):
        pipeline([*cycle, step("three", "in", "x"), step("four", ["x@a"], "z")])
