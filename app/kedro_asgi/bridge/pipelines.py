"""Kedro's pipelines and nodes become ours when they are registered; ours pass as they are."""

from collections.abc import Iterable, Mapping
from typing import Any

from kedro_asgi.bridge.global_state import is_imported, is_kedros
from kedro_asgi.bridge.kedro_types import KedroNode, KedroPipeline
from kedro_asgi.errors import BridgeError
from kedro_asgi.pipeline import Node, Pipeline


def adopted_pipelines(registered: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a registry registers with Kedro's pipelines made ours; equal nodes stay one object."""
    nodes: dict[int, Node] = {}
    return {name: _adopted(value, nodes) for name, value in registered.items()}


def adopted_pipeline(value: Any) -> Any:
    """Return a pipeline of Kedro's as ours, and anything else as it is."""
    return _adopted(value, {})


def as_kedros_pipeline(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline that passes for Kedro's, where anybody could ask."""
    return KedroPipeline.of(pipeline) if is_imported() else pipeline


def _adopted(value: Any, nodes: dict[int, Node]) -> Any:
    if isinstance(value, Pipeline) or not is_kedros(type(value), "Pipeline"):
        return value
    return Pipeline(_nodes(value.nodes, nodes))


def _nodes(theirs: Iterable[Any], known: dict[int, Node]) -> list[Node]:
    for node in theirs:
        if id(node) not in known:
            known[id(node)] = _node(node)
    return [known[id(node)] for node in theirs]


def _node(theirs: Any) -> Node:
    """Kedro keeps the given shapes of inputs and outputs in ``_inputs`` and ``_outputs`` (BRG-2)."""
    if isinstance(theirs, Node):
        return theirs
    _check_run(theirs)
    return KedroNode(
        theirs.func,
        theirs._inputs,
        theirs._outputs,
        name=theirs._name,
        tags=theirs.tags,
        confirms=theirs.confirms,
        namespace=theirs.namespace,
        preview_fn=getattr(theirs, "_preview_fn", None),
    )


def _check_run(theirs: Any) -> None:
    """A class of the project's own that runs in its own way would be taken for a plain node."""
    owner = next(base for base in type(theirs).__mro__ if "run" in vars(base))
    if not owner.__module__.startswith("kedro."):
        raise BridgeError(
            f"Node '{theirs.name}' is of class '{owner.__module__}.{owner.__qualname__}', whose own 'run' is not "
            "supported: put what it does into the node's function, or into a hook."
        )
