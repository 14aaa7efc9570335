"""Running one node."""

import logging
import pickle
from typing import Any

import pytest

from kedro_asgi.errors import AsyncNodeError, NodeInputsError, NodeInputsTypeError, NodeOutputsError
from kedro_asgi.pipeline import node


def add(x: int, y: int) -> int:
    return x + y


def identity(x: Any) -> Any:
    return x


def test_a_node_runs_on_data_by_name() -> None:
    assert node(add, ["a", "b"], "c").run({"a": 1, "b": 2}) == {"c": 3}
    assert node(lambda: 1, None, "c").run() == {"c": 1}
    assert node(lambda: 1, None, "c").run({}) == {"c": 1}


def test_a_node_can_be_called_with_keywords() -> None:
    assert node(add, ["a", "b"], "c")(a=1, b=2) == {"c": 3}


@pytest.mark.parametrize(
    ("function", "inputs", "data", "message"),
    [
        (add, ["a", "c"], {"a": 1}, "expected 2 input(s) ['a', 'c'], but got the following 1 input(s) instead: ['a']."),
        (add, ["a", "a"], {}, "expected 1 input(s) ['a'], but got the following 0 input(s) instead: []."),
        (identity, "a", None, "expected one input named 'a', but got the following 0 input(s) instead: []."),
        (
            identity,
            "a",
            {"b": 1, "a": 1},
            "expected one input named 'a', but got the following 2 input(s) instead: ['a', 'b'].",
        ),
        (lambda: 1, None, {"a": 1}, "expected no inputs, but got the following 1 input(s) instead: ['a']."),
        (lambda: 1, {}, {"a": 1}, "expected no inputs, but got the following 1 input(s) instead: ['a']."),
    ],
)
def test_other_inputs_than_declared_are_refused(function: Any, inputs: Any, data: Any, message: str) -> None:
    made = node(function, inputs, "out", name="n")

    with pytest.raises(ValueError) as caught:
        made.run(data)
    assert isinstance(caught.value, NodeInputsError)
    assert str(caught.value) == f"Node {made} {message}"


@pytest.mark.parametrize("data", [[1], "a", 3])
def test_inputs_that_are_no_dict_are_refused(data: Any) -> None:
    with pytest.raises(NodeInputsTypeError, match=r"Node\.run\(\) expects a dictionary or None"):
        node(identity, "a", "b").run(data)


def test_an_error_is_logged_and_raised_unchanged(caplog: pytest.LogCaptureFixture) -> None:
    error = KeyError("why")

    def failing(x: Any) -> Any:
        raise error

    made = node(failing, "a", "b", name="n")
    with caplog.at_level(logging.ERROR), pytest.raises(KeyError) as caught:
        made.run({"a": 1})

    assert caught.value is error
    assert [record.getMessage() for record in caplog.records] == [
        "Node n: failing([a]) -> [b] failed with error: \n'why'"
    ]


def test_a_wrong_result_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NodeOutputsError):
        node(identity, "a", ["b"], name="n").run({"a": 1})

    assert "Node n: identity([a]) -> [b] failed with error:" in caplog.text


def test_call_and_unpack_can_be_used_separately() -> None:
    made = node(lambda x: {"k": x}, "a", {"k": "b"})

    result = made.call({"a": 1})
    assert result == {"k": 1}
    assert made.unpack(result) == {"b": 1}


def test_check_can_be_used_separately() -> None:
    made = node(identity, "a", "b")

    made.check({"a": 1})
    with pytest.raises(NodeInputsError):
        made.check({})


async def twice(x: int) -> tuple[int, int]:
    return x, x


def test_an_async_node_does_not_run_without_being_awaited() -> None:
    with pytest.raises(AsyncNodeError, match="is async"):
        node(twice, "a", ["b", "c"]).run({"a": 1})


@pytest.mark.anyio
async def test_an_async_node_is_called_awaited_and_unpacked() -> None:
    made = node(twice, "a", ["b", "c"])

    assert made.unpack(await made.call({"a": 1})) == {"b": 1, "c": 1}


def test_errors_of_a_run_can_be_pickled() -> None:
    for made, data in [(node(identity, "a", "b"), {}), (node(identity, "a", ["b"]), {"a": 1})]:
        with pytest.raises(ValueError) as caught:
            made.run(data)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
