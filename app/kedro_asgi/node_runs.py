"""The nodes of a run, from its events: which have started, how they ended and how long they took."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from kedro_asgi.events import (
    Event,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    RunEnded,
    RunStarted,
)
from kedro_asgi.runs import ErrorCause

# The states of a node that the end of its run cancels.
_GOING_ON = ("running", "waiting")

NodeState = Literal["waiting", "running", "success", "failure", "cancelled", "skipped"]
"""`waiting` for a node that a run has yet to start, `skipped` for one that it has not started before its end."""


class NodeAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of a node that failed and was followed by another."""

    started_at: datetime
    ended_at: datetime
    duration_ms: float
    error: ErrorCause


class NodeRun(msgspec.Struct, frozen=True, kw_only=True):
    """One node that a run has started; ``ended_at`` and ``duration_ms`` are ``None`` while it runs.

    The times are those of the last attempt; ``failed_attempts`` holds the ones before it. A node that waits for its
    next attempt is ``waiting``, and ``started_at`` is when its last one began.
    """

    node: str
    state: NodeState
    started_at: datetime
    ended_at: datetime | None = None
    duration_ms: float | None = None
    failed_attempts: tuple[NodeAttempt, ...] = ()

    @property
    def first_started_at(self) -> datetime:
        """When the first attempt began."""
        return self.failed_attempts[0].started_at if self.failed_attempts else self.started_at


def read_node_runs(events: Iterable[Event]) -> list[NodeRun]:
    """Return the nodes that the last attempt of a run has started, in that order.

    A run that has ended has cancelled those that still ran.
    """
    found: dict[str, NodeRun] = {}
    for event in events:
        match event:
            case RunStarted(attempt=int()):
                found = {}
            case NodeStarted(node=node, at=at):
                found[node] = NodeRun(
                    node=node, state="running", started_at=at, failed_attempts=_attempts(found.get(node))
                )
            case NodeRetried(node=node):
                found[node] = _failed(found.get(node), event)
            case NodeFinished() | NodeFailed() | NodeCancelled():
                found[event.node] = _ended(found.get(event.node), event)
            case RunEnded(at=at):
                found = {node: _stopped(run, at) if run.state in _GOING_ON else run for node, run in found.items()}
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
    return NodeRun(
        node=event.node,
        state=state,
        started_at=_start_of(run, event),
        ended_at=event.at,
        duration_ms=event.duration_ms,
        failed_attempts=_attempts(run),
    )


def _failed(run: NodeRun | None, event: NodeRetried) -> NodeRun:
    """Return a node that waits for its next attempt."""
    started_at = _start_of(run, event)
    attempt = NodeAttempt(started_at=started_at, ended_at=event.at, duration_ms=event.duration_ms, error=event.error)
    attempts = (*_attempts(run), attempt)
    return NodeRun(node=event.node, state="waiting", started_at=started_at, failed_attempts=attempts)


def _start_of(run: NodeRun | None, event: NodeFinished | NodeFailed | NodeCancelled | NodeRetried) -> datetime:
    # A reader of events may have missed the start.
    return run.started_at if run is not None else event.at - timedelta(milliseconds=event.duration_ms)


def _attempts(run: NodeRun | None) -> tuple[NodeAttempt, ...]:
    return () if run is None else run.failed_attempts


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
