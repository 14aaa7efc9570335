"""The state of each node of a run that goes on, from the events of the run."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from time import monotonic

import msgspec

from kedro_asgi.events import (
    DatasetSaved,
    Event,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    RunPlanned,
    RunRetried,
)
from kedro_asgi.node_runs import NodeState


class PlannedNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node that a run is about to execute."""

    name: str
    namespace: str | None = None


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One node: its state, how long it took, and the datasets that it saved for longer than the run."""

    name: str
    namespace: str | None = None
    state: NodeState = "waiting"
    started_at_seconds: float | None = None
    duration_seconds: float | None = None
    saved: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """The duration, so far if the node still runs; ``None`` for a node that has not started."""
        if self.duration_seconds is not None or self.started_at_seconds is None:
            return self.duration_seconds
        return monotonic() - self.started_at_seconds


class RunState:
    """The nodes of one run in the order of the plan. Thread-safe: nodes run in threads, and another thread draws.

    ``planned_nodes`` is called when the run is planned; nodes that it does not name are added when they start.
    """

    def __init__(self, planned_nodes: Callable[[], Iterable[PlannedNode]] = tuple) -> None:
        self._planned_nodes = planned_nodes
        self._lock = threading.Lock()
        self._rows: dict[str, NodeRow] = {}
        self._planned_count: int | None = None
        self._started_at_seconds = monotonic()

    @property
    def rows(self) -> list[NodeRow]:
        """The nodes that are known so far."""
        with self._lock:
            return list(self._rows.values())

    @property
    def total(self) -> int | None:
        """How many nodes the run has; ``None`` before it is planned."""
        if self._planned_count is None:
            return None
        return max(self._planned_count, len(self._rows))

    @property
    def seconds(self) -> float:
        """How long the run is known."""
        return monotonic() - self._started_at_seconds

    def counts(self) -> Counter[NodeState]:
        """Return how many nodes are in each state; those without a name wait."""
        counts: Counter[NodeState] = Counter(row.state for row in self.rows)
        counts["waiting"] += max(0, (self.total or 0) - counts.total())
        return counts

    def note(self, event: Event) -> None:
        """Take in one event of the run; any thread may call this."""
        match event:
            case RunPlanned(nodes=count):
                self._plan(count)
            case RunRetried():
                for row in self.rows:
                    self._change(row.name, state="waiting", started_at_seconds=None, duration_seconds=None)
            case NodeStarted(node=node):
                self._change(node, state="running", started_at_seconds=monotonic(), duration_seconds=None)
            case NodeRetried(node=node, duration_ms=duration_ms):
                self._change(node, state="waiting", duration_seconds=duration_ms / 1000)
            case NodeFinished(node=node, duration_ms=duration_ms):
                self._change(node, state="success", duration_seconds=duration_ms / 1000)
            case NodeFailed(node=node, duration_ms=duration_ms):
                self._change(node, state="failure", duration_seconds=duration_ms / 1000)
            case NodeCancelled(node=node, duration_ms=duration_ms):
                self._change(node, state="cancelled", duration_seconds=duration_ms / 1000)
            case DatasetSaved(node=node, dataset=dataset, is_kept=True):
                # A further attempt saves again.
                self._change(node, saved=tuple(dict.fromkeys((*self._row(node).saved, dataset))))

    def end(self, *, is_interrupted: bool = False) -> None:
        """Note that the run has ended: no node waits or runs any more.

        The node that Ctrl+C hit raised ``KeyboardInterrupt``, which is no failure of its own. A run that has told of no
        node, as with a runner derived from Kedro's, has no rows.
        """
        self._planned_count = None
        if all(row.state == "waiting" for row in self.rows):
            self._rows = {}
        ends: dict[NodeState, NodeState] = {"waiting": "skipped", "running": "cancelled"}
        if is_interrupted:
            ends["failure"] = "cancelled"
        for row in self.rows:
            if row.state in ends:
                self._change(row.name, state=ends[row.state], duration_seconds=row.seconds)

    def _plan(self, count: int) -> None:
        planned = {node.name: NodeRow(name=node.name, namespace=node.namespace) for node in self._planned_nodes()}
        with self._lock:
            self._planned_count = count
            self._rows = planned | self._rows

    def _row(self, name: str) -> NodeRow:
        return self._rows.get(name) or NodeRow(name=name)

    def _change(self, name: str, **changes: object) -> None:
        with self._lock:
            self._rows[name] = msgspec.structs.replace(self._row(name), **changes)
