"""A pipeline as text, and as JSON."""

import json
from collections.abc import Iterable

from kedro_asgi.pipeline.node import Node
from kedro_asgi.versions import kedro_version

_MAX_NODES = 10


def describe(lines: Iterable[str], inputs: set[str], outputs: set[str]) -> str:
    """Return the execution order for people to read."""
    head = "#### Pipeline execution order ####"
    nodes = "\n".join(lines)
    return f"{head}\nInputs: {_names(inputs)}\n\n{nodes}\n\nOutputs: {_names(outputs)}\n{'#' * len(head)}"


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "None"


def as_json(nodes: Iterable[Node]) -> str:
    """Return the nodes in the given order, and the version of Kedro that defines this format."""
    shown = [
        {"name": node.name, "inputs": node.inputs, "outputs": node.outputs, "tags": sorted(node.tags)} for node in nodes
    ]
    return json.dumps({"kedro_version": kedro_version(), "pipeline": shown})


def list_nodes(nodes: list[Node], line: str = "\n") -> str:
    """Return the first ten nodes as a list, one on each line."""
    if not nodes:
        return "[]"
    more = ["..."] if len(nodes) > _MAX_NODES else []
    text = f",{line}".join([*map(repr, nodes[:_MAX_NODES]), *more])
    return f"[{line}{text}{line}]"
