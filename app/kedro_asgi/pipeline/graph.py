"""The nodes of a pipeline by name, and which of them wait for which."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from kedro_asgi.errors import CircularDependencyError
from kedro_asgi.pipeline.node import Node
from kedro_asgi.pipeline.transcoding import base_name

Links = Mapping[str, Collection[str]]


class Graph:
    """Nodes with unique names; what is asked of them is worked out on first need and kept.

    All of it takes time linear in nodes and links. Nodes are linked by datasets without their formats (PIP-31).
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = {node.name: node for node in nodes}

    def with_nodes(self, nodes: dict[str, Node]) -> "Graph":
        """Return the same graph of other nodes, which have the names and datasets of these."""
        same = object.__new__(Graph)
        same.__dict__.update(self.__dict__)
        same.nodes = nodes
        return same

    @cached_property
    def readers(self) -> Mapping[str, list[str]]:
        """The nodes that read a dataset; by its full name, and by its name without format."""
        return _users((name, node.inputs) for name, node in self.nodes.items())

    @cached_property
    def writers(self) -> Mapping[str, list[str]]:
        """The nodes that write a dataset; by its full name, and by its name without format."""
        return _users((name, node.outputs) for name, node in self.nodes.items())

    @cached_property
    def parents(self) -> Links:
        """The nodes that a node waits for."""
        writers = self.writers
        return {
            name: {parent for dataset in node.inputs for parent in writers.get(base_name(dataset), ())}
            for name, node in self.nodes.items()
        }

    @cached_property
    def children(self) -> Links:
        """The nodes that wait for a node."""
        children: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, parents in self.parents.items():
            for parent in parents:
                children[parent].append(name)
        return children

    @cached_property
    def layers(self) -> list[list[str]]:
        """The topological layers, each sorted by name (PIP-30); raises `CircularDependencyError`."""
        sorter = TopologicalSorter(self.parents)
        try:
            sorter.prepare()
        except CycleError as error:
            circle = error.args[1][1:]
            raise CircularDependencyError({name: self.nodes[name] for name in circle}) from None
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
    def read(self) -> frozenset[str]:
        """The full names of all that is read."""
        return frozenset(name for node in self.nodes.values() for name in node.inputs)

    @cached_property
    def written(self) -> frozenset[str]:
        """The full names of all that is written."""
        return frozenset(name for node in self.nodes.values() for name in node.outputs)

    @cached_property
    def free_inputs(self) -> frozenset[str]:
        """The full names of what is read and not written, in whatever format (PIP-32)."""
        return frozenset(name for name in self.read if base_name(name) not in self.writers)

    @cached_property
    def free_outputs(self) -> frozenset[str]:
        """The full names of what is written and not read, in whatever format (PIP-32)."""
        return frozenset(name for name in self.written if base_name(name) not in self.readers)

    @cached_property
    def consumers(self) -> Mapping[str, int]:
        """How many nodes read a dataset under its full name."""
        return Counter(name for node in self.nodes.values() for name in set(node.inputs))


def _users(uses: Iterable[tuple[str, list[str]]]) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for node, datasets in uses:
        for name in {key for dataset in datasets for key in (dataset, base_name(dataset))}:
            users.setdefault(name, []).append(node)
    return users
