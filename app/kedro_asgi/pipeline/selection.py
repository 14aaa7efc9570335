"""The criteria by which a pipeline is sliced; each returns names of nodes."""

from collections.abc import Iterable

from kedro_asgi.errors import DatasetNotInPipelineError, NamespaceNotFoundError, NodeNotFoundError
from kedro_asgi.pipeline.graph import Edges, Graph

Selection = str | Iterable[str]


def name_list(names: Selection) -> list[str]:
    """Return ``names`` without repetitions; a string is one name (Q-26)."""
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def named(graph: Graph, names: Selection) -> set[str]:
    """Select nodes by full name; raises `NodeNotFoundError`."""
    names = name_list(names)
    if unknown := [name for name in names if name not in graph.nodes]:
        raise NodeNotFoundError(unknown, graph.order)
    return set(names)


def tagged(graph: Graph, tags: Selection) -> set[str]:
    """Select nodes that have any of ``tags``; unknown tags select nothing."""
    tags = name_list(tags)
    return {name for name, node in graph.nodes.items() if not node.tags.isdisjoint(tags)}


def in_namespaces(graph: Graph, namespaces: Selection) -> set[str]:
    """Select nodes in any of ``namespaces`` and the nested ones; raises `NamespaceNotFoundError`."""
    namespaces = name_list(namespaces)
    members: dict[str, list[str]] = {}
    for name, node in graph.nodes.items():
        for prefix in node.namespace_prefixes:
            members.setdefault(prefix, []).append(name)
    if unknown := [namespace for namespace in namespaces if namespace not in members]:
        raise NamespaceNotFoundError(unknown, members)
    return {name for namespace in namespaces for name in members[namespace]}


def reading(graph: Graph, datasets: Selection) -> set[str]:
    """Select nodes that read any of ``datasets``: in the format of the name, or in any if it has none.

    Raises `DatasetNotInPipelineError`.
    """
    return {node for name in _known(graph, datasets) for node in graph.readers.get(name, ())}


def writing(graph: Graph, datasets: Selection) -> set[str]:
    """Select nodes that write any of ``datasets``; formats and errors as in `reading`."""
    return {node for name in _known(graph, datasets) for node in graph.writers.get(name, ())}


def _known(graph: Graph, datasets: Selection) -> list[str]:
    names = name_list(datasets)
    if unknown := [name for name in names if name not in graph.readers and name not in graph.writers]:
        raise DatasetNotInPipelineError(unknown, {*graph.readers, *graph.writers})
    return names


def from_nodes(graph: Graph, names: Selection) -> set[str]:
    """Select the named nodes and all that depend on them; raises `NodeNotFoundError`."""
    return _reach(named(graph, names), graph.children)


def to_nodes(graph: Graph, names: Selection) -> set[str]:
    """Select the named nodes and all that they depend on; raises `NodeNotFoundError`."""
    return _reach(named(graph, names), graph.parents)


def from_inputs(graph: Graph, datasets: Selection) -> set[str]:
    """Select the readers of ``datasets`` and all that depend on them; raises `DatasetNotInPipelineError`."""
    return _reach(reading(graph, datasets), graph.children)


def to_outputs(graph: Graph, datasets: Selection) -> set[str]:
    """Select the writers of ``datasets`` and all that they depend on; raises `DatasetNotInPipelineError`."""
    return _reach(writing(graph, datasets), graph.parents)


def _reach(names: set[str], edges: Edges) -> set[str]:
    reached, pending = set(names), list(names)
    while pending:
        found = [name for name in edges[pending.pop()] if name not in reached]
        reached.update(found)
        pending.extend(found)
    return reached
