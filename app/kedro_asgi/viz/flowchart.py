"""A pipeline as the flowchart of kedro-viz."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

import msgspec

from kedro_asgi.inspection import describe_node
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.pipeline.transcoding import base_name
from kedro_asgi.reserved_names import DEFAULT_PIPELINE, is_parameter
from kedro_asgi.viz.ids import dataset_id, task_id
from kedro_asgi.viz.namespaces import ROOT, Namespace, children_of, namespaces_of
from kedro_asgi.viz.project import VizProject


class VizElement(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that all elements of a flowchart have."""

    id: str
    name: str
    tags: list[str]
    pipelines: list[str]
    type: Literal["task", "data", "parameters", "modularPipeline"]
    modular_pipelines: list[str] | None = None
    node_extras: None = None


class VizTask(VizElement, frozen=True, kw_only=True):
    """A node."""

    parameters: dict[str, Any]
    full_name: str


class VizData(VizElement, frozen=True, kw_only=True):
    """A dataset, a parameter or a namespace."""

    layer: str | None = None
    dataset_type: str | None = None


class VizEdge(msgspec.Struct, frozen=True):
    """An edge between two elements."""

    source: str
    target: str


class VizName(msgspec.Struct, frozen=True):
    """A tag or a pipeline."""

    id: str
    name: str


class VizFlowchart(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``/api/main`` and of ``/api/pipelines/{name}``."""

    nodes: list[VizTask | VizData]
    edges: list[VizEdge]
    layers: list[str]
    tags: list[VizName]
    pipelines: list[VizName]
    modular_pipelines: dict[str, Any]
    selected_pipeline: str


def draw_flowchart(project: VizProject, name: str | None = None) -> VizFlowchart | None:
    """Return the flowchart of a pipeline, by default of ``__default__``; ``None`` stands for an unknown one."""
    selected = name if name is not None else _first(project)
    return _Drawing(project, selected).flowchart() if selected in project.pipelines else None


def _first(project: VizProject) -> str:
    return (
        DEFAULT_PIPELINE if DEFAULT_PIPELINE in project.pipelines else next(iter(project.pipelines), DEFAULT_PIPELINE)
    )


class _Drawing:
    """The flowchart of one pipeline, while it is made."""

    def __init__(self, project: VizProject, selected: str) -> None:
        self._project = project
        self._selected = selected
        self._pipeline: Pipeline = project.pipelines[selected]
        self._nodes = self._pipeline.nodes
        self._namespaces = namespaces_of(self._nodes)

    def flowchart(self) -> VizFlowchart:
        elements = list(self._elements())
        kinds = {found.id: found.type for found in elements if found.type in ("data", "parameters")}
        edges = dict.fromkeys(self._edges())
        tags = sorted({tag for node in self._project.tasks.values() for tag in node.tags})
        return VizFlowchart(
            nodes=elements,
            edges=[VizEdge(*edge) for edge in (*edges, *self._namespace_edges(edges))],
            layers=_ordered_layers(self._project.layers, edges),
            tags=[VizName(tag, tag) for tag in tags],
            pipelines=[VizName(name, name) for name in self._project.pipelines],
            modular_pipelines=self._tree(kinds),
            selected_pipeline=self._selected,
        )

    def _elements(self) -> Iterator[VizTask | VizData]:
        seen: set[str] = set()
        for node in self._nodes:
            yield self._task(node)
            for name in (*node.inputs, *node.outputs):
                if dataset_id(name) not in seen:
                    seen.add(dataset_id(name))
                    yield self._data(name)
        for namespace in self._namespaces.values():
            tags = self._project.tags_in(namespace.name)
            yield VizData(
                id=namespace.name, name=namespace.name, tags=tags, pipelines=[self._selected], type="modularPipeline"
            )

    def _task(self, node: Node) -> VizTask:
        return VizTask(
            id=task_id(node),
            name=_short_name(node, self._project),
            tags=sorted(node.tags),
            pipelines=self._project.pipelines_with(task_id(node)),
            type="task",
            modular_pipelines=[node.namespace] if node.namespace else None,
            parameters=self._project.parameters_of(node.inputs),
            full_name=node.name,
        )

    def _data(self, name: str) -> VizData:
        found = dataset_id(name)
        touching = self._project.touching[found]
        is_data = not is_parameter(name)
        return VizData(
            id=found,
            name=base_name(name),
            tags=sorted({tag for node in touching for tag in node.tags}),
            pipelines=self._project.pipelines_with(found),
            type="data" if is_data else "parameters",
            modular_pipelines=(self._project.namespaces_of(name) or None) if is_data else None,
            layer=self._project.layer(name) if is_data else None,
            dataset_type=self._project.dataset_type(name) if is_data else None,
        )

    def _edges(self) -> Iterator[tuple[str, str]]:
        for node in self._nodes:
            yield from ((dataset_id(name), task_id(node)) for name in node.inputs)
            yield from ((task_id(node), dataset_id(name)) for name in node.outputs)

    def _namespace_edges(self, edges: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Yield the edges of namespaces; one from an input that depends on the namespace would close a circle."""
        following = _following(edges)
        for name, namespace in self._namespaces.items():
            later = _reached(namespace.outputs, following)
            yield from ((found, name) for found in sorted(namespace.inputs - later))
            yield from ((name, found) for found in sorted(namespace.outputs))

    def _tree(self, datasets: Mapping[str, str]) -> dict[str, Any]:
        children = children_of(self._namespaces, self._nodes, datasets)
        root = {ROOT: None, **self._namespaces}
        return {name: _branch(name, found, children[name]) for name, found in root.items()}


def _short_name(node: Node, project: VizProject) -> str:
    """Return the given name, else that of the function."""
    is_named = str(node).startswith(f"{node.short_name}: ")
    return node.short_name if is_named else describe_node(node, project.planner.project_path).func_name


def _branch(name: str, namespace: Namespace | None, children: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "inputs": [] if namespace is None else sorted(namespace.inputs),
        "outputs": [] if namespace is None else sorted(namespace.outputs),
        "children": [{"id": found, "type": kind} for found, kind in children],
    }


def _ordered_layers(layers: Mapping[str, str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return all layers in the order in which data flows through them; by name where it does not tell."""
    following = _following(edges)
    before: dict[str, set[str]] = {layer: set() for layer in layers.values()}
    for layer in before:
        reached = _reached((found for found, named in layers.items() if named == layer), following)
        for later in {layers[found] for found in reached if found in layers} - {layer}:
            before[later].add(layer)
    sorter = TopologicalSorter(before)
    try:
        sorter.prepare()
    except CycleError:
        return sorted(before)
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += ready
        sorter.done(*ready)
    return ordered


def _following(edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    following: dict[str, list[str]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
    return following


def _reached(starts: Iterable[str], following: Mapping[str, list[str]]) -> set[str]:
    """Return all elements that come after any of ``starts``."""
    found: set[str] = set()
    rest = [after for start in starts for after in following.get(start, ())]
    while rest:
        element = rest.pop()
        if element not in found:
            found.add(element)
            rest += following.get(element, ())
    return found
