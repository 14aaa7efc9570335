"""The events of nodes that wait for a worker: a node starts when a worker takes it."""

from time import perf_counter

import msgspec

from kedro_asgi.events import (
    Emit,
    Event,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    milliseconds_since,
)
from kedro_asgi.runner.task import ignore_event

NodeEnd = NodeFinished | NodeFailed | NodeCancelled | NodeRetried


class NodeStarts:
    """Passes on the events of a run, and holds back the start of each node until `began`. Thread-safe.

    A node that ends without a start is not told of, unless it failed.
    """

    def __init__(self, emit: Emit | None) -> None:
        self._emit = emit or ignore_event
        self._held: dict[str, NodeStarted] = {}
        self._began: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case NodeStarted(node=node):
                self._held[node] = event
            case NodeCancelled(node=node) if self._held.pop(node, None) is not None:
                return
            case NodeFinished(node=node) | NodeFailed(node=node) | NodeCancelled(node=node) | NodeRetried(node=node):
                self.began(node)
                self._emit(self._with_duration(event, self._began.pop(node, None)))
            case _:
                self._emit(event)

    def _with_duration(self, event: NodeEnd, began: float | None) -> NodeEnd:
        """Return an end with the time since the start; one that comes in the wait for another attempt has its own."""
        return event if began is None else msgspec.structs.replace(event, duration_ms=milliseconds_since(began))

    def began(self, node: str) -> None:
        """Tell that a node starts now, unless that is told."""
        held = self._held.pop(node, None)
        if held is not None:
            self._began[node] = perf_counter()
            self._emit(NodeStarted(run_id=held.run_id, node=node, attempt=held.attempt))
