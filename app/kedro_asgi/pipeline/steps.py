"""The steps of a pipeline, computed once for all its runs: their datasets, and when a run releases these."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from kedro_asgi.pipeline.graph import Graph
from kedro_asgi.pipeline.node import Node


class Step(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One node at its position in the pipeline, with its names.

    ``waits_for`` is the number of steps before it; ``children`` are the positions of the steps that wait for it.
    ``releases`` names the datasets that no later step needs if the steps run one after another.
    """

    node: Node
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    confirms: tuple[str, ...]
    waits_for: int = 0
    children: tuple[int, ...] = ()
    releases: tuple[str, ...] = ()

    @classmethod
    def of(cls, node: Node) -> "Step":
        """Return the step of a single node."""
        inputs, outputs, confirms = tuple(node.inputs), tuple(node.outputs), tuple(node.confirms)
        return cls(node=node, name=node.name, inputs=inputs, outputs=outputs, confirms=confirms)

    def position(self) -> dict[str, Any]:
        """Return the facts that the pipeline adds to those of the node."""
        return {"waits_for": self.waits_for, "children": self.children, "releases": self.releases}


class Steps(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The steps of a pipeline in topological order, and its datasets, each once and in the order of their use.

    ``confirmed`` names the datasets that its nodes confirm.
    """

    in_order: tuple[Step, ...]
    datasets: tuple[str, ...]
    free_inputs: tuple[str, ...]
    free_outputs: tuple[str, ...]
    consumers: Mapping[str, int]
    has_async_nodes: bool
    confirmed: tuple[str, ...]

    @classmethod
    def of(cls, graph: Graph) -> "Steps":
        """Return the steps of ``graph``; takes time linear in nodes and links."""
        positions = {name: position for position, name in enumerate(graph.order)}
        releases = Releases(graph.consumers, {*graph.free_inputs, *graph.free_outputs})
        in_order = []
        for name in graph.order:
            alone = Step.of(graph.nodes[name])
            step = msgspec.structs.replace(
                alone,
                waits_for=len(graph.parents[name]),
                children=tuple(positions[child] for child in graph.children[name]),
                releases=releases.after(alone.inputs, alone.outputs),
            )
            in_order.append(step)
        datasets = tuple(dict.fromkeys(name for step in in_order for name in (*step.inputs, *step.outputs)))
        return cls(
            in_order=tuple(in_order),
            datasets=datasets,
            free_inputs=tuple(name for name in datasets if name in graph.free_inputs),
            free_outputs=tuple(name for name in datasets if name in graph.free_outputs),
            consumers=graph.consumers,
            has_async_nodes=any(step.node.is_async for step in in_order),
            confirmed=tuple(name for step in in_order for name in step.confirms),
        )

    def with_nodes(self, nodes: Mapping[str, Node]) -> "Steps":
        """Return these steps with copies of their nodes, by the names of the nodes; takes a tenth of the time of `of`.

        A copy may have another function than its node, with another name and other parameters.
        """
        in_order = tuple(
            msgspec.structs.replace(step, node=node)
            if (node := nodes[step.name]).func is step.node.func
            else msgspec.structs.replace(Step.of(node), **step.position())
            for step in self.in_order
        )
        has_async_nodes = any(step.node.is_async for step in in_order)
        return msgspec.structs.replace(self, in_order=in_order, has_async_nodes=has_async_nodes)


class Releases:
    """Counts down the consumers of each dataset of one run; the ``kept`` ones are never released (RUN-28)."""

    def __init__(self, consumers: Mapping[str, int], kept: AbstractSet[str]) -> None:
        self._consumers = dict(consumers)
        self._kept = kept

    def after(self, inputs: Iterable[str], outputs: Iterable[str]) -> tuple[str, ...]:
        """Return the datasets that no step needs any more after a step with these inputs and outputs."""
        released = []
        for name in dict.fromkeys(inputs):
            self._consumers[name] -= 1
            if not self._consumers[name] and name not in self._kept:
                released.append(name)
        released += [name for name in outputs if name not in self._consumers and name not in self._kept]
        return tuple(released)
