"""The boxes of a graph: one for each element, or one for all elements of a collapsed namespace."""

from collections.abc import Collection, Container, Iterable, Iterator

import msgspec

from kedro_asgi.errors import NamespaceNotFoundError
from kedro_asgi.graph.elements import Kind, PipelineGraph, element_id
from kedro_asgi.graph.labels import short_name
from kedro_asgi.pipeline.names import namespace_prefixes
from kedro_asgi.reserved_names import PARAMS_PREFIX


class DrawnElement(msgspec.Struct, frozen=True, kw_only=True):
    """An element that is drawn; ``detail`` is a second line below its label.

    ``members`` names the nodes that it stands for: those of a collapsed namespace, or the node itself.
    """

    id: str
    kind: Kind
    name: str
    label: str
    detail: str = ""
    members: tuple[str, ...] = ()


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """Elements, and the edges between them by their ids; each edge is there once."""

    elements: tuple[DrawnElement, ...]
    edges: tuple[tuple[str, str], ...]
    collapsed: tuple[str, ...] = ()


def draw(graph: PipelineGraph, *, collapsed: Collection[str] = (), with_parameters: bool = True) -> Drawing:
    """Return what is drawn of ``graph``; ``collapsed`` holds namespaces of it, else `NamespaceNotFoundError` is raised.

    A collapsed namespace hides those of its datasets that no node outside of it reads or writes.
    """
    if unknown := sorted(set(collapsed) - set(graph.namespaces)):
        raise NamespaceNotFoundError(unknown, graph.namespaces)
    outermost = _outermost(collapsed)
    drawn_as = _drawn_as(graph, outermost)
    hidden = set() if with_parameters else {found.id for found in graph.parameters}
    edges = dict.fromkeys(
        (drawn_as.get(edge.source, edge.source), drawn_as.get(edge.target, edge.target))
        for edge in graph.edges
        if edge.source not in hidden
    )
    elements = {element.id: element for element in _elements(graph, outermost)}
    return Drawing(
        elements=tuple(
            element for id_, element in elements.items() if drawn_as.get(id_, id_) == id_ and id_ not in hidden
        ),
        edges=tuple(edge for edge in edges if edge[0] != edge[1] and not _is_inner(edge, edges)),
        collapsed=tuple(sorted(outermost)),
    )


def _is_inner(edge: tuple[str, str], edges: Container[tuple[str, str]]) -> bool:
    """Whether a collapsed namespace reads a dataset that it writes itself, for others too."""
    return edge[1].startswith("namespace:") and (edge[1], edge[0]) in edges


def _outermost(namespaces: Iterable[str]) -> set[str]:
    given = set(namespaces)
    return {found for found in given if sum(prefix in given for prefix in namespace_prefixes(found)) == 1}


def _drawn_as(graph: PipelineGraph, collapsed: set[str]) -> dict[str, str]:
    """Return the box of each element that a collapsed namespace hides."""
    if not collapsed:
        return {}
    boxes = {node.id: _enclosing(node.namespace, collapsed) for node in graph.nodes}
    drawn_as = {id_: element_id("namespace", found) for id_, found in boxes.items() if found is not None}
    users: dict[str, list[str]] = {}
    writers: dict[str, int] = {}
    for edge in graph.edges:
        is_written = edge.source in boxes
        node, other = (edge.source, edge.target) if is_written else (edge.target, edge.source)
        users.setdefault(other, []).append(node)
        writers[other] = writers.get(other, 0) + is_written
    for other, nodes in users.items():
        namespaces = {boxes[node] for node in nodes}
        namespace = namespaces.pop() if len(namespaces) == 1 else None
        is_inner = 0 < writers[other] < len(nodes)
        if namespace is not None and (is_inner or _is_named_in(other, namespace)):
            drawn_as[other] = element_id("namespace", namespace)
    return drawn_as


def _enclosing(namespace: str | None, collapsed: set[str]) -> str | None:
    return next((found for found in namespace_prefixes(namespace) if found in collapsed), None)


def _is_named_in(id_: str, namespace: str) -> bool:
    return id_.partition(":")[2].removeprefix(PARAMS_PREFIX).startswith(f"{namespace}.")


def _elements(graph: PipelineGraph, collapsed: set[str]) -> Iterator[DrawnElement]:
    known = set(graph.namespaces)
    for dataset in graph.datasets:
        label, detail = _split(dataset.name, known)
        yield DrawnElement(id=dataset.id, kind="dataset", name=dataset.name, label=label, detail=detail)
    for parameter in graph.parameters:
        label, detail = _split(short_name(parameter.name), known)
        yield DrawnElement(id=parameter.id, kind="parameter", name=parameter.name, label=label, detail=detail)
    for node in graph.nodes:
        label, detail = short_name(node.name, node.namespace), node.namespace or ""
        yield DrawnElement(id=node.id, kind="node", name=node.name, label=label, detail=detail, members=(node.name,))
    for namespace in sorted(collapsed):
        members = tuple(node.name for node in graph.nodes if _enclosing(node.namespace, {namespace}))
        yield DrawnElement(
            id=element_id("namespace", namespace),
            kind="namespace",
            name=namespace,
            label=namespace,
            detail=f"{len(members)} node{'s' if len(members) != 1 else ''}",
            members=members,
        )


def _split(name: str, namespaces: set[str]) -> tuple[str, str]:
    """Return a name without its namespace, and the namespace."""
    prefixes = namespace_prefixes(name)
    found = next((prefix for prefix in reversed(prefixes[:-1]) if prefix in namespaces), "")
    return short_name(name, found), found
