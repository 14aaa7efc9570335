"""The graph of a pipeline as values: its nodes, datasets and parameters, and the edges between them."""

from typing import Any, Literal

import msgspec

from kedro_asgi.snapshots import NodeSnapshot

Kind = Literal["node", "dataset", "parameter", "namespace"]
"""The kinds of elements; `namespace` stands for the elements of a collapsed one."""


class GraphNode(NodeSnapshot, frozen=True, kw_only=True):
    """One node; its inputs and outputs are names as the pipeline writes them, with formats."""

    id: str


class GraphDataset(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset, in all its formats; ``type`` and ``filepath`` are ``None`` without a catalog entry.

    ``type`` is what the project writes, ``filepath`` has no credentials. ``layer`` is the one that the entry's metadata
    names for kedro-viz. ``is_persistent``: its values outlive a run. ``preview`` is the name, with a format, for
    ``/datasets/{name}/preview``.
    """

    id: str
    name: str
    type: str | None = None
    filepath: str | None = None
    layer: str | None = None
    is_persistent: bool = False
    preview: str | None = None
    formats: dict[str, str | None] = {}


class GraphParameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter, as nodes read it: ``params:model.depth``, or ``parameters`` for all of them."""

    id: str
    name: str


class GraphEdge(msgspec.Struct, frozen=True, kw_only=True):
    """An edge from a dataset or parameter to a node that reads it, or from a node to a dataset that it writes."""

    source: str
    target: str


class PipelineGraph(msgspec.Struct, frozen=True, kw_only=True):
    """The graph of one pipeline; nodes are in the order in which they run, all other elements in that of their names.

    ``namespaces`` holds nested ones too: ``a`` and ``a.b``.
    """

    name: str
    nodes: tuple[GraphNode, ...]
    datasets: tuple[GraphDataset, ...]
    parameters: tuple[GraphParameter, ...]
    edges: tuple[GraphEdge, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tags: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()


def element_id(kind: Kind, name: Any) -> str:
    """Return the id of an element, unique in its graph: ``dataset:companies``."""
    return f"{kind}:{name}"
