"""The namespaces of a pipeline as kedro-viz groups its elements: what each takes, gives and holds."""

from collections.abc import Iterable, Mapping
from itertools import accumulate

from kedro_asgi.pipeline import Node
from kedro_asgi.viz.ids import dataset_id, task_id

ROOT = "__root__"


class Namespace:
    """One namespace, with those below it: the ids of its nodes and datasets.

    ``inputs`` are read in it and not produced in it. ``outputs`` are produced in it, and read by others or by nobody.
    """

    def __init__(self, name: str, nodes: Iterable[Node], outside: Iterable[Node]) -> None:
        inside = list(nodes)
        self.name = name
        self.nodes = inside
        produced = _outputs(inside)
        read = _inputs(inside)
        self.touched = produced | read
        self.inputs = read - produced
        self.outputs = produced - (read - _inputs(outside))

    @property
    def borders(self) -> set[str]:
        """The datasets that it shares with others."""
        return self.inputs | self.outputs


def namespaces_of(nodes: Iterable[Node]) -> dict[str, Namespace]:
    """Return all namespaces of nodes by name, an outer one before those in it."""
    every = list(nodes)
    names = sorted({name for node in every for name in _prefixes(node.namespace)})
    return {name: Namespace(name, *_divided(every, name)) for name in names}


def _divided(nodes: list[Node], name: str) -> tuple[list[Node], list[Node]]:
    """Return the nodes within a namespace, and the others."""
    inside = [node for node in nodes if name in _prefixes(node.namespace)]
    return inside, [node for node in nodes if name not in _prefixes(node.namespace)]


def owner_of(dataset: str, namespaces: Mapping[str, Namespace]) -> str:
    """Return the innermost namespace that has a dataset for itself, or the root."""
    owners = [name for name, found in namespaces.items() if dataset in found.touched - found.borders]
    return max(owners, key=lambda name: name.count("."), default=ROOT)


def namespaces_at(dataset: str, namespaces: Mapping[str, Namespace], touching: Iterable[Node]) -> list[str]:
    """Return the namespaces that a dataset belongs to: those that share it, and those of the nodes that touch it."""
    shared = {name for name, found in namespaces.items() if dataset in found.borders}
    return sorted(shared | {node.namespace for node in touching if node.namespace})


def children_of(
    namespaces: Mapping[str, Namespace], nodes: Iterable[Node], datasets: Mapping[str, str]
) -> dict[str, list[tuple[str, str]]]:
    """Return what stands directly in each namespace, and in the root: ids with their types."""
    children: dict[str, list[tuple[str, str]]] = {ROOT: [], **{name: [] for name in namespaces}}
    for node in nodes:
        children[node.namespace or ROOT].append((task_id(node), "task"))
    for dataset, kind in datasets.items():
        children[owner_of(dataset, namespaces)].append((dataset, kind))
    for name in namespaces:
        children[name.rpartition(".")[0] or ROOT].append((name, "modularPipeline"))
    return children


def _prefixes(namespace: str | None) -> list[str]:
    return list(accumulate(namespace.split("."), "{}.{}".format)) if namespace else []


def _inputs(nodes: Iterable[Node]) -> set[str]:
    return {dataset_id(name) for node in nodes for name in node.inputs}


def _outputs(nodes: Iterable[Node]) -> set[str]:
    return {dataset_id(name) for node in nodes for name in node.outputs}
