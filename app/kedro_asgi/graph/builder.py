"""From a pipeline and the catalog's entries to the graph of the pipeline."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from kedro_asgi.graph.elements import (
    GraphDataset,
    GraphEdge,
    GraphNode,
    GraphParameter,
    PipelineGraph,
    element_id,
)
from kedro_asgi.inspection import describe_node
from kedro_asgi.io.catalog_config import is_memory_entry
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.pipeline.transcoding import base_name
from kedro_asgi.redaction import redact
from kedro_asgi.reserved_names import is_parameter
from kedro_asgi.viz_metadata import layer_of, preview_arguments

Entries = Mapping[str, Mapping[str, Any]]


def build_graph(name: str, pipeline: Pipeline, entries: Entries, *, root: Path) -> PipelineGraph:
    """Return the graph of ``pipeline``; ``entries`` are those of the catalog, and ``root`` is the project's folder."""
    nodes = pipeline.nodes
    used = sorted(pipeline.datasets())
    datasets = tuple(_datasets((found for found in used if not is_parameter(found)), entries))
    return PipelineGraph(
        name=name,
        nodes=tuple(_node(node, root) for node in nodes),
        datasets=datasets,
        parameters=tuple(_parameter(found) for found in used if is_parameter(found)),
        edges=tuple(dict.fromkeys(edge for node in nodes for edge in _edges(node))),
        inputs=tuple(sorted(found for found in pipeline.inputs() if not is_parameter(found))),
        outputs=tuple(sorted(pipeline.outputs())),
        tags=tuple(sorted({tag for node in nodes for tag in node.tags})),
        namespaces=tuple(sorted({found for node in nodes for found in node.namespace_prefixes})),
        layers=tuple(sorted({found.layer for found in datasets if found.layer is not None})),
    )


def _node(node: Node, root: Path) -> GraphNode:
    snapshot = describe_node(node, root)
    return GraphNode(id=element_id("node", node.name), **msgspec.structs.asdict(snapshot))


def _parameter(name: str) -> GraphParameter:
    return GraphParameter(id=element_id("parameter", name), name=name)


def _datasets(names: Iterable[str], entries: Entries) -> Iterator[GraphDataset]:
    """Yield a dataset for each name without its format; formats of one dataset follow each other."""
    formats: dict[str, list[str]] = {}
    for name in names:
        formats.setdefault(base_name(name), []).append(name)
    for name, found in formats.items():
        yield _dataset(name, found, entries)


def _dataset(name: str, formats: list[str], entries: Entries) -> GraphDataset:
    found = [entries[full] for full in formats if full in entries]
    previews = (full for full in formats if preview_arguments(entries.get(full, {})) is not None)
    entry = found[0] if found else {}
    filepath = entry.get("filepath")
    return GraphDataset(
        id=element_id("dataset", name),
        name=name,
        type=_type(entry),
        filepath=redact(filepath) if isinstance(filepath, str) else None,
        layer=next(filter(None, map(layer_of, found)), None),
        is_persistent=not all(map(is_memory_entry, found)),
        preview=next(previews, None),
        formats={} if formats == [name] else {full: _type(entries.get(full, {})) for full in formats},
    )


def _type(entry: Mapping[str, Any]) -> str | None:
    found = entry.get("type")
    return None if found is None else redact(str(found))


def _edges(node: Node) -> Iterator[GraphEdge]:
    id_ = element_id("node", node.name)
    for name in node.inputs:
        source = element_id("parameter", name) if is_parameter(name) else element_id("dataset", base_name(name))
        yield GraphEdge(source=source, target=id_)
    for name in node.outputs:
        yield GraphEdge(source=id_, target=element_id("dataset", base_name(name)))
