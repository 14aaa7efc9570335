"""What happens during a run, told in the past tense to whoever asked to be told."""

from collections.abc import Callable

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="event"):
    """Something that happened to a run."""

    run_id: str | None


class NodeStarted(Event, frozen=True, kw_only=True):
    """A node's inputs are about to be loaded."""

    node: str


class NodeFinished(Event, frozen=True, kw_only=True):
    """A node's outputs are saved."""

    node: str
    duration_ms: float


class NodeFailed(Event, frozen=True, kw_only=True):
    """A node, or a dataset of it, raised."""

    node: str
    duration_ms: float


Emit = Callable[[Event], None]
