"""The steps of a pipeline, computed once for all its runs: their datasets, and when a run releases these."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

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


class Steps(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The steps of a pipeline in topological order, and its datasets, each once and in the order of their use."""

    in_order: tuple[Step, ...]
    datasets: tuple[str, ...]
    free_inputs: tuple[str, ...]
    free_outputs: tuple[str, ...]
    consumers: Mapping[str, int]
    has_async_nodes: bool

    @classmethod
    def of(cls, graph: Graph) -> "Steps":
        """Return the steps of ``graph``; takes time linear in nodes and links."""
        positions = {name: position for position, name in enumerate(graph.order)}
        in_order = tuple(
            replace(
                Step.of(graph.nodes[name]),
                waits_for=len(graph.parents[name]),
                children=tuple(positions[child] for child in graph.children[name]),
            )
            for name in graph.order
        )
        datasets = tuple(dict.fromkeys(name for step in in_order for name in (*step.inputs, *step.outputs)))
        steps = cls(
            in_order=in_order,
            datasets=datasets,
            free_inputs=tuple(name for name in datasets if name in graph.free_inputs),
            free_outputs=tuple(name for name in datasets if name in graph.free_outputs),
            consumers=graph.consumers,
            has_async_nodes=any(step.node.is_async for step in in_order),
        )
        release = Releases(steps)
        return replace(steps, in_order=tuple(replace(step, releases=release.after(step)) for step in in_order))


class Releases:
    """Counts down the consumers of each dataset of one run (RUN-28)."""

    def __init__(self, steps: Steps) -> None:
        self._consumers = dict(steps.consumers)
        self._kept = {*steps.free_inputs, *steps.free_outputs}

    def after(self, step: Step) -> tuple[str, ...]:
        """Count ``step`` as done; return the datasets that no other step needs."""
        read = dict.fromkeys(step.inputs)
        for name in read:
            self._consumers[name] -= 1
        finished = [name for name in read if not self._consumers[name]]
        unread = [name for name in step.outputs if name not in self._consumers]
        return tuple(name for name in (*finished, *unread) if name not in self._kept)
