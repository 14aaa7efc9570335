"""Which nodes of a graph a criterion picks, by name (PIP-36 to PIP-42)."""

from collections.abc import Iterable

from kedro_asgi.errors import DatasetNotInPipelineError, NamespaceNotFoundError, NodeNotFoundError
from kedro_asgi.pipeline.graph import Graph, Links

Names = str | Iterable[str]


def one_or_more(names: Names) -> list[str]:
    """Return ``names`` without repetitions; a bare string is one name, not its characters (Q-26)."""
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def named(graph: Graph, names: Names) -> set[str]:
    """Pick nodes by full name; raises `NodeNotFoundError`."""
    names = one_or_more(names)
    if unknown := [name for name in names if name not in graph.nodes]:
        raise NodeNotFoundError(unknown, graph.order)
    return set(names)


def tagged(graph: Graph, tags: Names) -> set[str]:
    """Pick nodes that have any of ``tags``; unknown tags pick nothing (PIP-40)."""
    tags = one_or_more(tags)
    return {name for name, node in graph.nodes.items() if not node.tags.isdisjoint(tags)}


def in_namespaces(graph: Graph, namespaces: Names) -> set[str]:
    """Pick nodes in any of ``namespaces``, nested ones included; raises `NamespaceNotFoundError` (PIP-41)."""
    namespaces = one_or_more(namespaces)
    members: dict[str, list[str]] = {}
    for name, node in graph.nodes.items():
        for prefix in node.namespace_prefixes:
            members.setdefault(prefix, []).append(name)
    if unknown := [namespace for namespace in namespaces if namespace not in members]:
        raise NamespaceNotFoundError(unknown)
    return {name for namespace in namespaces for name in members[namespace]}


def reading(graph: Graph, datasets: Names) -> set[str]:
    """Pick nodes that read any of ``datasets``, in any format unless one is named (PIP-42).

    Raises `DatasetNotInPipelineError`.
    """
    return {node for name in _known(graph, datasets) for node in graph.readers.get(name, ())}


def writing(graph: Graph, datasets: Names) -> set[str]:
    """Pick nodes that write any of ``datasets``; otherwise as `reading`."""
    return {node for name in _known(graph, datasets) for node in graph.writers.get(name, ())}


def _known(graph: Graph, datasets: Names) -> list[str]:
    names = one_or_more(datasets)
    if unknown := [name for name in names if name not in graph.readers and name not in graph.writers]:
        raise DatasetNotInPipelineError(unknown)
    return names


def from_nodes(graph: Graph, names: Names) -> set[str]:
    """Pick the named nodes and all that wait for them (PIP-37); raises `NodeNotFoundError`."""
    return _reach(named(graph, names), graph.children)


def to_nodes(graph: Graph, names: Names) -> set[str]:
    """Pick the named nodes and all that they wait for (PIP-37); raises `NodeNotFoundError`."""
    return _reach(named(graph, names), graph.parents)


def from_inputs(graph: Graph, datasets: Names) -> set[str]:
    """Pick what `reading` picks and all that waits for it (PIP-38); raises `DatasetNotInPipelineError`."""
    return _reach(reading(graph, datasets), graph.children)


def to_outputs(graph: Graph, datasets: Names) -> set[str]:
    """Pick what `writing` picks and all that it waits for (PIP-39); raises `DatasetNotInPipelineError`."""
    return _reach(writing(graph, datasets), graph.parents)


def _reach(names: set[str], links: Links) -> set[str]:
    reached, ahead = set(names), list(names)
    while ahead:
        fresh = [name for name in links[ahead.pop()] if name not in reached]
        reached.update(fresh)
        ahead.extend(fresh)
    return reached
