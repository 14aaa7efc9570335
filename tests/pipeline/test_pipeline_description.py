"""A pipeline as text, and as JSON."""

import json
from importlib.metadata import version
from typing import Any

from kedro_asgi.pipeline import Node, node, pipeline


def anything(*args: Any, **kwargs: Any) -> Any:
    return args


def step(name: str, inputs: Any, outputs: Any, **more: Any) -> Node:
    return node(anything, inputs, outputs, name=name, **more)


def test_the_execution_order_is_described_by_names() -> None:
    made = pipeline([step("b", ["A", "z"], ["D", "C"]), step("a", "in", "A", namespace="ns")])

    assert made.describe().splitlines() == [
        "#### Pipeline execution order ####",
        "Inputs: in, z",
        "",
        "ns.a",
        "b",
        "",
        "Outputs: C, D",
        "##################################",
    ]


def test_the_execution_order_is_described_by_nodes() -> None:
    made = pipeline([step("a", "in", "A")])

    assert "\n\na: anything([in]) -> [A]\n\n" in made.describe(names_only=False)


def test_missing_inputs_or_outputs_are_described_as_none() -> None:
    text = pipeline([]).describe()

    assert "Inputs: None\n" in text
    assert "Outputs: None\n" in text


def test_json_lists_nodes_as_they_were_given() -> None:
    made = pipeline([step("b", {"y": "A", "x": "z"}, ["D", "C"], tags=["t", "s"]), step("a", None, "A")])

    assert json.loads(made.to_json()) == {
        "kedro_version": version("kedro"),
        "pipeline": [
            {"name": "b", "inputs": ["A", "z"], "outputs": ["D", "C"], "tags": ["s", "t"]},
            {"name": "a", "inputs": [], "outputs": ["A"], "tags": []},
        ],
    }


def test_a_pipeline_prints_its_first_ten_nodes() -> None:
    assert repr(pipeline([])) == "Pipeline([])"
    assert repr(pipeline([step("a", "in", "A")])) == "Pipeline([\nNode(anything, 'in', 'A', 'a')\n])"

    lines = repr(pipeline([step(f"n{i:02}", "in", f"o{i}") for i in range(12)])).splitlines()
    assert len(lines) == 13
    assert lines[-3:] == ["Node(anything, 'in', 'o9', 'n09'),", "...", "])"]
