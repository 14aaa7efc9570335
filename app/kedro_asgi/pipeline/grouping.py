"""Groups of nodes, for tools that deploy a group together."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kedro_asgi.errors import GroupingError
from kedro_asgi.pipeline.graph import Graph
from kedro_asgi.pipeline.node import Node


@dataclass(frozen=True)
class GroupedNodes:
    """The names of the nodes in a group, and of the groups that run before it; ``type``: ``namespace`` or ``nodes``."""

    name: str
    type: str
    nodes: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)


_Key = tuple[str, str]


def grouped_nodes(graph: Graph, group_by: str | None) -> list[GroupedNodes]:
    """Return the groups in topological order; raises `GroupingError` for an unknown ``group_by``."""
    key = _group_key(group_by)
    keys = {name: key(node) for name, node in graph.nodes.items()}
    members: dict[_Key, list[str]] = {}
    needed: dict[_Key, list[_Key]] = {}
    for name in graph.order:
        members.setdefault(keys[name], []).append(name)
        needed.setdefault(keys[name], []).extend(keys[parent] for parent in sorted(graph.parents[name]))
    return [
        GroupedNodes(group[0], group[1], names, [name for name, _ in dict.fromkeys(needed[group]) if name != group[0]])
        for group, names in members.items()
    ]


def _group_key(group_by: str | None) -> Callable[[Node], _Key]:
    match "none" if group_by is None else group_by.lower():
        case "namespace":
            return _by_namespace
        case "none":
            return _by_name
        case _:
            raise GroupingError(group_by)


def _by_namespace(node: Node) -> _Key:
    return (node.namespace.partition(".")[0], "namespace") if node.namespace else _by_name(node)


def _by_name(node: Node) -> _Key:
    return node.name, "nodes"
