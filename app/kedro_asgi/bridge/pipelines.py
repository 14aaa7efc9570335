"""Converts Kedro's pipelines and nodes when they are registered; ours stay as they are."""

from collections.abc import Iterable, Mapping
from typing import Any

from kedro_asgi.bridge.global_state import is_kedro_class, is_kedro_imported
from kedro_asgi.bridge.kedro_types import KedroNode, KedroPipeline
from kedro_asgi.errors import BridgeError
from kedro_asgi.errors.wording import class_path
from kedro_asgi.pipeline import Node, Pipeline


def convert_pipelines(registered: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pipelines of a registry as ours; a node that several pipelines share stays one object."""
    nodes: dict[int, Node] = {}
    return {name: _convert(value, nodes) for name, value in registered.items()}


def convert_pipeline(value: Any) -> Any:
    """Return a pipeline of Kedro as ours, and any other value as it is."""
    return _convert(value, {})


def as_kedro_pipeline(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline that ``isinstance`` takes for Kedro's, if the process has imported Kedro."""
    return KedroPipeline.of(pipeline) if is_kedro_imported() else pipeline


def _convert(value: Any, converted: dict[int, Node]) -> Any:
    if isinstance(value, Pipeline) or not is_kedro_class(type(value), "Pipeline"):
        return value
    return Pipeline(_convert_nodes(value.nodes, converted))


def _convert_nodes(kedro_nodes: Iterable[Any], converted: dict[int, Node]) -> list[Node]:
    for node in kedro_nodes:
        if id(node) not in converted:
            converted[id(node)] = _convert_node(node)
    return [converted[id(node)] for node in kedro_nodes]


def _convert_node(node: Any) -> Node:
    """Kedro keeps inputs and outputs in the shape that the project gave them in private attributes."""
    if isinstance(node, Node):
        return node
    _check_run(node)
    return KedroNode(
        node.func,
        node._inputs,
        node._outputs,
        name=node._name,
        tags=node.tags,
        confirms=node.confirms,
        namespace=node.namespace,
        preview_fn=getattr(node, "_preview_fn", None),
    )


def _check_run(node: Any) -> None:
    """Refuse a node class of the project's own that overrides ``run``: the conversion would lose that method."""
    owner = next(base for base in type(node).__mro__ if "run" in vars(base))
    if not owner.__module__.startswith("kedro."):
        raise BridgeError(
            f"Node '{node.name}' is of class '{class_path(owner)}', whose own 'run' is not "
            "supported: put what it does into the node's function, or into a hook."
        )
