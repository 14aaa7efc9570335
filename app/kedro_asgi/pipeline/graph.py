"""The dependency graph of a pipeline: its nodes by name, and the edges between them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from kedro_asgi.errors import CircularDependencyError, ConfirmNotUniqueError, OutputNotUniqueError
from kedro_asgi.pipeline.node import Node
from kedro_asgi.pipeline.transcoding import base_name, check_not_mixed

Edges = Mapping[str, Collection[str]]


class Graph:
    """Nodes with unique names. Each property is computed when it is first read, in time linear in nodes and edges.

    A dataset connects nodes whatever its format.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = {node.name: node for node in nodes}

    def with_nodes(self, nodes: dict[str, Node]) -> "Graph":
        """Return this graph with other nodes, which must have the same names and datasets."""
        graph = object.__new__(Graph)
        graph.__dict__.update(self.__dict__)
        graph.nodes = nodes
        return graph

    @cached_property
    def readers(self) -> Mapping[str, list[str]]:
        """The nodes that read each dataset, by its name with and without format."""
        return _nodes_by_dataset((name, node.inputs) for name, node in self.nodes.items())

    @cached_property
    def writers(self) -> Mapping[str, list[str]]:
        """The nodes that write each dataset, by its name with and without format."""
        return _nodes_by_dataset((name, node.outputs) for name, node in self.nodes.items())

    @cached_property
    def parents(self) -> Edges:
        """The nodes that each node waits for."""
        writers = self.writers
        return {
            name: {parent for dataset in node.inputs for parent in writers.get(base_name(dataset), ())}
            for name, node in self.nodes.items()
        }

    @cached_property
    def children(self) -> Edges:
        """The nodes that wait for each node."""
        children: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, parents in self.parents.items():
            for parent in parents:
                children[parent].append(name)
        return children

    @cached_property
    def layers(self) -> list[list[str]]:
        """The topological layers, each sorted by name; raises `CircularDependencyError`."""
        sorter = TopologicalSorter(self.parents)
        try:
            sorter.prepare()
        except CycleError as error:
            cycle = error.args[1][1:]
            raise CircularDependencyError.of({name: self.nodes[name] for name in cycle}) from None
        layers = []
        while ready := sorter.get_ready():
            layers.append(sorted(ready))
            sorter.done(*ready)
        return layers

    @cached_property
    def order(self) -> list[str]:
        """The names of the nodes in the order in which they run."""
        return [name for layer in self.layers for name in layer]

    @cached_property
    def all_inputs(self) -> frozenset[str]:
        """The full names of all datasets that nodes read."""
        return frozenset(name for node in self.nodes.values() for name in node.inputs)

    @cached_property
    def all_outputs(self) -> frozenset[str]:
        """The full names of all datasets that nodes write."""
        return frozenset(name for node in self.nodes.values() for name in node.outputs)

    @cached_property
    def free_inputs(self) -> frozenset[str]:
        """The full names of datasets that nodes read and no node writes in any format."""
        return frozenset(name for name in self.all_inputs if base_name(name) not in self.writers)

    @cached_property
    def free_outputs(self) -> frozenset[str]:
        """The full names of datasets that nodes write and no node reads in any format."""
        return frozenset(name for name in self.all_outputs if base_name(name) not in self.readers)

    @cached_property
    def consumers(self) -> Mapping[str, int]:
        """How many nodes read each dataset under its full name."""
        return Counter(name for node in self.nodes.values() for name in set(node.inputs))


def _nodes_by_dataset(datasets: Iterable[tuple[str, list[str]]]) -> dict[str, list[str]]:
    nodes: dict[str, list[str]] = {}
    for node, names in datasets:
        for name in {*names, *map(base_name, names)}:
            nodes.setdefault(name, []).append(node)
    return nodes


def checked_graph(nodes: Sequence[Node]) -> Graph:
    """Return the graph of ``nodes``; raises an error if two of them conflict, or if they form a cycle."""
    check_not_mixed(name for node in nodes for name in (*node.inputs, *node.outputs))
    if repeated := _repeated(name for node in nodes for name in node.outputs):
        raise OutputNotUniqueError.of(repeated)
    if repeated := _repeated(name for node in nodes for name in node.confirms):
        raise ConfirmNotUniqueError.of(repeated)
    graph = Graph(nodes)
    _ = graph.layers  # raises for a cycle
    return graph


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(map(base_name, names)).items() if count > 1]
