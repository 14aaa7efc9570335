"""The nodes of a run, from its events: which have started, how they ended and how long they took."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from kedro_asgi.events import Event, NodeCancelled, NodeFailed, NodeFinished, NodeStarted, RunEnded

NodeState = Literal["waiting", "running", "success", "failure", "cancelled", "skipped"]
"""`waiting` for a node that a run has yet to start, `skipped` for one that it has not started before its end."""


class NodeRun(msgspec.Struct, frozen=True, kw_only=True):
    """One node that a run has started; ``ended_at`` and ``duration_ms`` are ``None`` while it runs."""

    node: str
    state: NodeState
    started_at: datetime
    ended_at: datetime | None = None
    duration_ms: float | None = None


def read_node_runs(events: Iterable[Event]) -> list[NodeRun]:
    """Return the nodes that have started, in that order; a run that has ended has cancelled those that still ran."""
    found: dict[str, NodeRun] = {}
    for event in events:
        match event:
            case NodeStarted(node=node, at=at):
                found[node] = NodeRun(node=node, state="running", started_at=at)
            case NodeFinished() | NodeFailed() | NodeCancelled():
                found[event.node] = _ended(found.get(event.node), event)
            case RunEnded(at=at):
                found = {node: _stopped(run, at) if run.state == "running" else run for node, run in found.items()}
    return list(found.values())


def _ended(run: NodeRun | None, event: NodeFinished | NodeFailed | NodeCancelled) -> NodeRun:
    state: NodeState
    match event:
        case NodeFinished():
            state = "success"
        case NodeFailed():
            state = "failure"
        case NodeCancelled():
            state = "cancelled"
    duration = event.duration_ms
    started_at = run.started_at if run is not None else event.at - timedelta(milliseconds=duration)
    return NodeRun(node=event.node, state=state, started_at=started_at, ended_at=event.at, duration_ms=duration)


def _stopped(run: NodeRun, at: datetime) -> NodeRun:
    duration_ms = round((at - run.started_at).total_seconds() * 1000, 2)
    return msgspec.structs.replace(run, state="cancelled", ended_at=at, duration_ms=duration_ms)


def state_of_each(nodes: Iterable[str], runs: Iterable[NodeRun], *, has_ended: bool) -> dict[str, NodeState]:
    """Return the state of each of ``nodes`` in a run."""
    known: Mapping[str, NodeState] = {run.node: run.state for run in runs}
    rest: NodeState = "skipped" if has_ended else "waiting"
    return {node: known.get(node, rest) for node in nodes}


# The state of a namespace is the first of these that any of its nodes has.
_FOREMOST: tuple[NodeState, ...] = ("failure", "running", "cancelled", "waiting", "success", "skipped")


def joint_state(states: Iterable[NodeState]) -> NodeState | None:
    """Return the state of several nodes as one; ``None`` if there are none."""
    found = set(states)
    if "waiting" in found and "success" in found and not found & {"failure", "cancelled"}:
        return "running"
    return next((state for state in _FOREMOST if state in found), None)
