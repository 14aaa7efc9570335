"""The namespaces of a pipeline as kedro-viz groups its elements: what each takes, gives and holds."""

from collections import Counter
from collections.abc import Iterable, Mapping

from kedro_asgi.pipeline import Node
from kedro_asgi.viz.ids import dataset_id, task_id

ROOT = "__root__"


class Namespace:
    """One namespace, with those below it: the ids of its datasets.

    ``inputs`` are read in it and not produced in it. ``outputs`` are produced in it, and read by others or by nobody.
    ``borders`` are both, and ``own`` the datasets that it shares with nobody.
    """

    def __init__(self, name: str, nodes: Iterable[Node], readers: Mapping[str, int]) -> None:
        inside = list(nodes)
        inner_readers = count_readers(inside)
        produced = {dataset_id(name) for node in inside for name in node.outputs}
        self.name = name
        self.inputs = inner_readers.keys() - produced
        self.outputs = {found for found in produced if readers[found] != inner_readers[found] or not readers[found]}
        self.borders = self.inputs | self.outputs
        self.own = (produced | inner_readers.keys()) - self.borders


def namespaces_of(nodes: Iterable[Node]) -> dict[str, Namespace]:
    """Return all namespaces of nodes by name, an outer one before those in it."""
    every = list(nodes)
    members: dict[str, list[Node]] = {}
    for node in every:
        for name in node.namespace_prefixes:
            members.setdefault(name, []).append(node)
    readers = count_readers(every)
    return {name: Namespace(name, members[name], readers) for name in sorted(members)}


def count_readers(nodes: Iterable[Node]) -> Counter[str]:
    """Return how many nodes read each dataset."""
    return Counter(found for node in nodes for found in {dataset_id(name) for name in node.inputs})


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
    # An outer namespace comes before those in it, so the innermost owner stays.
    owners = {dataset: name for name, found in namespaces.items() for dataset in found.own}
    for dataset, kind in datasets.items():
        children[owners.get(dataset, ROOT)].append((dataset, kind))
    for name in namespaces:
        children[name.rpartition(".")[0] or ROOT].append((name, "modularPipeline"))
    return children
