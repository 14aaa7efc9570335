"""A pipeline: nodes in the order in which they can run, and ways to slice and combine them."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from types import MappingProxyType
from typing import Any

# Projects import these from ``kedro.pipeline.pipeline``.
from kedro_asgi.errors import CircularDependencyError as CircularDependencyError
from kedro_asgi.errors import ConfirmNotUniqueError as ConfirmNotUniqueError
from kedro_asgi.errors import EmptyPipelineError, MissingNodesError, NodeNotUniqueError, NotANodeError
from kedro_asgi.errors import OutputNotUniqueError as OutputNotUniqueError
from kedro_asgi.errors import PipelineError as PipelineError
from kedro_asgi.pipeline import description, selection
from kedro_asgi.pipeline.graph import Graph, checked_graph
from kedro_asgi.pipeline.grouping import GroupedNodes, grouped_nodes
from kedro_asgi.pipeline.modular import Renames, modular_nodes
from kedro_asgi.pipeline.namespaces import warn_of_interruptions
from kedro_asgi.pipeline.node import Node
from kedro_asgi.pipeline.node_checks import Tags
from kedro_asgi.pipeline.selection import Selection
from kedro_asgi.pipeline.steps import Steps


class Pipeline:
    """Nodes that depend on each other through their datasets. Immutable; compared by identity.

    Made from nodes and pipelines, in time linear in nodes and edges; ``inputs``, ``outputs``, ``parameters`` and
    ``namespace`` rename their datasets. Raises `MissingNodesError`, `NotANodeError`, `NodeNotUniqueError`,
    `MixedTranscodingError`, `OutputNotUniqueError`, `ConfirmNotUniqueError`, `CircularDependencyError` or
    `PipelineError`.
    """

    # The pipeline whose nodes this one has copies of.
    _original: "Pipeline | None" = None

    def __init__(
        self,
        nodes: "Iterable[Node | Pipeline] | Pipeline",
        *,
        inputs: Renames = None,
        outputs: Renames = None,
        parameters: Renames = None,
        tags: Tags = None,
        namespace: str | None = None,
        prefix_datasets_with_namespace: bool = True,
    ) -> None:
        self._graph = checked_graph(_collect_nodes(nodes))
        if inputs or outputs or parameters or namespace:
            renamed = modular_nodes(
                self._graph,
                inputs=inputs,
                outputs=outputs,
                parameters=parameters,
                namespace=namespace,
                prefix_datasets=prefix_datasets_with_namespace,
            )
            self._graph = checked_graph(renamed)
        if tags:
            self._graph = Graph(node.tag(tags) for node in self._graph.nodes.values())
        warn_of_interruptions(self._graph)

    @property
    def nodes(self) -> list[Node]:
        """The nodes in the order in which they run; a copy."""
        return [self._graph.nodes[name] for name in self._graph.order]

    @property
    def grouped_nodes(self) -> list[list[Node]]:
        """The topological layers, each sorted by name; a copy."""
        return [[self._graph.nodes[name] for name in layer] for layer in self._graph.layers]

    @cached_property
    def node_dependencies(self) -> Mapping[Node, AbstractSet[Node]]:
        """The nodes that each node waits for; read-only."""
        nodes, parents = self._graph.nodes, self._graph.parents
        return MappingProxyType(
            {node: frozenset(nodes[parent] for parent in parents[name]) for name, node in nodes.items()}
        )

    @cached_property
    def node_children(self) -> Mapping[Node, Sequence[Node]]:
        """The nodes that wait for each node; read-only."""
        nodes, children = self._graph.nodes, self._graph.children
        return MappingProxyType({node: tuple(nodes[child] for child in children[name]) for name, node in nodes.items()})

    @cached_property
    def steps(self) -> Steps:
        """The steps that a run executes; computed once for all runs."""
        return Steps.of(self._graph) if self._original is None else self._original.steps.with_nodes(self._graph.nodes)

    def inputs(self) -> set[str]:
        """Return the names of the datasets that nodes read and no node writes, parameters included."""
        return set(self._graph.free_inputs)

    def outputs(self) -> set[str]:
        """Return the names of the datasets that nodes write and no node reads."""
        return set(self._graph.free_outputs)

    def all_inputs(self) -> set[str]:
        """Return the full names of all datasets that nodes read."""
        return set(self._graph.all_inputs)

    def all_outputs(self) -> set[str]:
        """Return the full names of all datasets that nodes write."""
        return set(self._graph.all_outputs)

    def datasets(self) -> set[str]:
        """Return the full names of all datasets that nodes read or write."""
        return {*self._graph.all_inputs, *self._graph.all_outputs}

    def group_nodes_by(self, group_by: str | None = "namespace") -> list[GroupedNodes]:
        """Return the nodes grouped by top-level ``"namespace"``; for ``"none"``, a group for each node."""
        return grouped_nodes(self._graph, group_by)

    def describe(self, names_only: bool = True) -> str:
        """Return the execution order for people to read."""
        lines = [node.name if names_only else str(node) for node in self.nodes]
        return description.describe(lines, self.inputs(), self.outputs())

    def to_json(self) -> str:
        """Return the nodes as JSON, in the order in which the user gave them (PIP-34)."""
        return description.as_json(self._graph.nodes.values())

    def __repr__(self) -> str:
        return f"Pipeline({description.list_nodes(self.nodes)})"

    def tag(self, tags: Tags) -> "Pipeline":
        """Return this pipeline with more tags on each node."""
        return self._with_graph(Graph(node.tag(tags) for node in self._graph.nodes.values()))

    def only_nodes(self, *node_names: str) -> "Pipeline":
        """Return the named nodes; raises `NodeNotFoundError`."""
        return self._subset(selection.named(self._graph, node_names))

    def only_nodes_with_tags(self, *tags: str) -> "Pipeline":
        """Return the nodes that have any of ``tags``; the result may be empty."""
        return self._subset(selection.tagged(self._graph, tags))

    def only_nodes_with_namespaces(self, node_namespaces: Selection) -> "Pipeline":
        """Return the nodes in these namespaces and the nested ones; raises `NamespaceNotFoundError`."""
        return self._subset(selection.in_namespaces(self._graph, node_namespaces))

    def only_nodes_with_inputs(self, *inputs: str) -> "Pipeline":
        """Return the nodes that read any of these datasets; raises `DatasetNotInPipelineError`."""
        return self._subset(selection.reading(self._graph, inputs))

    def only_nodes_with_outputs(self, *outputs: str) -> "Pipeline":
        """Return the nodes that write any of these datasets; raises `DatasetNotInPipelineError`."""
        return self._subset(selection.writing(self._graph, outputs))

    def from_nodes(self, *node_names: str) -> "Pipeline":
        """Return the named nodes and all that depend on them; raises `NodeNotFoundError`."""
        return self._subset(selection.from_nodes(self._graph, node_names))

    def to_nodes(self, *node_names: str) -> "Pipeline":
        """Return the named nodes and all that they depend on; raises `NodeNotFoundError`."""
        return self._subset(selection.to_nodes(self._graph, node_names))

    def from_inputs(self, *inputs: str) -> "Pipeline":
        """Return the readers of these datasets and all that depend on them; raises `DatasetNotInPipelineError`."""
        return self._subset(selection.from_inputs(self._graph, inputs))

    def to_outputs(self, *outputs: str) -> "Pipeline":
        """Return the writers of these datasets and all that they depend on; raises `DatasetNotInPipelineError`."""
        return self._subset(selection.to_outputs(self._graph, outputs))

    def filter(
        self,
        tags: Selection | None = None,
        from_nodes: Selection | None = None,
        to_nodes: Selection | None = None,
        node_names: Selection | None = None,
        from_inputs: Selection | None = None,
        to_outputs: Selection | None = None,
        node_namespaces: Selection | None = None,
    ) -> "Pipeline":
        """Return the nodes that meet every criterion; each criterion sees this whole pipeline (PIP-43).

        Ignores empty criteria. Raises `SelectionError`: `NodeNotFoundError`, `DatasetNotInPipelineError`,
        `NamespaceNotFoundError`, or `EmptyPipelineError` if no node is left.
        """
        criteria = (
            (selection.tagged, tags),
            (selection.from_nodes, from_nodes),
            (selection.to_nodes, to_nodes),
            (selection.named, node_names),
            (selection.from_inputs, from_inputs),
            (selection.to_outputs, to_outputs),
            (selection.in_namespaces, node_namespaces),
        )
        selected = set(self._graph.nodes)
        for select, names in criteria:
            if names:
                selected &= select(self._graph, names)
        if not selected:
            known_tags = {tag for node in self.nodes for tag in node.tags}
            unknown_tags = [tag for tag in selection.name_list(tags or ()) if tag not in known_tags]
            raise EmptyPipelineError(unknown_tags, sorted(known_tags))
        return self._with_graph(self._subset(selected)._graph)

    def with_copied_nodes(self) -> "Pipeline":
        """Return this pipeline with copies of its nodes, so that a hook that sets their ``func`` does not change it."""
        copied = self._with_graph(
            self._graph.with_nodes({name: node.copy() for name, node in self._graph.nodes.items()})
        )
        copied._original = self
        return copied

    def _subset(self, names: set[str]) -> "Pipeline":
        if len(names) == len(self._graph.nodes):
            return self
        return self._with_graph(Graph(node for name, node in self._graph.nodes.items() if name in names))

    def _with_graph(self, graph: Graph) -> "Pipeline":
        """Return a pipeline without checks, for nodes that come from a checked pipeline."""
        pipeline = object.__new__(Pipeline)
        pipeline._graph = graph
        return pipeline

    def __add__(self, other: object) -> "Pipeline":
        if not isinstance(other, Pipeline):
            return NotImplemented
        both = Pipeline(dict.fromkeys([*self._graph.nodes.values(), *other._graph.nodes.values()]))
        return self._with_graph(both._graph)

    def __radd__(self, other: object) -> "Pipeline":
        return self if isinstance(other, int) and other == 0 else NotImplemented

    __or__ = __add__

    def __and__(self, other: object) -> "Pipeline":
        if not isinstance(other, Pipeline):
            return NotImplemented
        others = set(other._graph.nodes.values())
        return self._subset({name for name, node in self._graph.nodes.items() if node in others})

    def __sub__(self, other: object) -> "Pipeline":
        if not isinstance(other, Pipeline):
            return NotImplemented
        others = set(other._graph.nodes.values())
        return self._subset({name for name, node in self._graph.nodes.items() if node not in others})

    def __getstate__(self) -> dict[str, Any]:
        return {"_graph": self._graph}


pipeline = Pipeline
"""Kedro's other name for `Pipeline`."""


def _collect_nodes(nodes: Iterable[Node | Pipeline] | Pipeline | None) -> list[Node]:
    """Return all nodes, also those of the pipelines; raises for other objects and for repeated names."""
    if nodes is None:
        raise MissingNodesError
    items: list[Node | Pipeline] = [nodes] if isinstance(nodes, Pipeline) else list(nodes)
    collected = [node for item in items for node in _nodes_of(item)]
    if len({node.name for node in collected}) < len(collected):
        raise NodeNotUniqueError(_repeated_names(items))
    return collected


def _nodes_of(item: Node | Pipeline) -> list[Node]:
    if isinstance(item, Node):
        return [item]
    if isinstance(item, Pipeline):
        return item.nodes
    raise NotANodeError(item)


def _repeated_names(items: list[Node | Pipeline]) -> dict[str, list[str]]:
    """Return the repeated names, grouped by the item that repeats them."""
    seen: set[str] = set()
    repeated: dict[str, list[str]] = {}
    for item in items:
        origin = "Free nodes" if isinstance(item, Node) else f"Pipeline({description.list_nodes(item.nodes, '')})"
        names = {node.name for node in _nodes_of(item)}
        if again := names & seen:
            repeated.setdefault(origin, []).extend(again)
        seen |= names
    return repeated
