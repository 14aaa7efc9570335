"""The steps of a pipeline: what runs need to know of it, worked out once."""

from kedro_asgi.pipeline import Node, Pipeline, node
from kedro_asgi.pipeline.steps import Releases


def join(*parts):
    return "".join(parts)


DIAMOND = Pipeline(
    [
        node(join, ["left", "right"], "end", name="d", confirms="end"),
        node(join, ["x", "x"], "start", name="a"),
        node(join, "start", "left", name="b"),
        node(join, "start", ["right", "unread"], name="c"),
    ]
)


def test_steps_are_in_topological_order_and_know_which_wait_for_them() -> None:
    steps = DIAMOND.steps.in_order
    assert [step.name for step in steps] == ["a", "b", "c", "d"]
    assert [step.waits_for for step in steps] == [0, 1, 1, 2]
    assert [sorted(step.children) for step in steps] == [[1, 2], [3], [3], []]


def test_datasets_are_named_once_in_the_order_of_their_use() -> None:
    steps = DIAMOND.steps
    assert steps.datasets == ("x", "start", "left", "right", "unread", "end")
    assert (steps.free_inputs, steps.free_outputs) == (("x",), ("unread", "end"))
    assert steps.in_order[0].inputs == ("x", "x")
    assert steps.in_order[3].confirms == ("end",)


def test_a_dataset_is_released_after_the_last_step_that_reads_it() -> None:
    assert [step.releases for step in DIAMOND.steps.in_order] == [(), (), ("start",), ("left", "right")]


def test_releases_follow_the_order_in_which_steps_end() -> None:
    a, b, c, _ = DIAMOND.steps.in_order
    releases = Releases(DIAMOND.steps.consumers, {"x"})
    assert [releases.after(step.inputs, step.outputs) for step in (a, c, b)] == [(), ("unread",), ("start",)]


def test_steps_are_worked_out_once_and_those_of_copied_nodes_anew() -> None:
    assert DIAMOND.steps is DIAMOND.steps
    copied = DIAMOND.with_copied_nodes()
    assert copied.steps.in_order[0].node is copied.nodes[0]
    assert copied.steps.in_order[0].node is not DIAMOND.steps.in_order[0].node


def test_steps_of_copied_nodes_keep_their_positions_and_know_new_functions() -> None:
    def first(x: int) -> int:
        return x

    async def other(x: int) -> int:
        return x

    whole = Pipeline([Node(first, "a", "b"), Node(first, "b", "c", name="second")])
    copied = whole.with_copied_nodes()
    unnamed, second = copied.nodes
    unnamed.func = other
    steps = copied.steps
    assert [step.node for step in steps.in_order] == [unnamed, second]
    assert [step.name for step in steps.in_order] == [unnamed.name, "second"]
    assert [(step.waits_for, step.children, step.releases) for step in steps.in_order] == [
        (step.waits_for, step.children, step.releases) for step in whole.steps.in_order
    ]
    assert (steps.has_async_nodes, whole.steps.has_async_nodes) == (True, False)
