"""The events of a run: what happened to it, in the past tense."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

import msgspec

from kedro_asgi.runs import ErrorCause, ErrorDetail, RunStatus


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="event", gc=False):
    """Something that happened to a run, and when; ``sequence`` is its number within the run, once it is published."""

    run_id: str | None
    sequence: int | msgspec.UnsetType = msgspec.UNSET
    at: datetime = msgspec.field(default_factory=partial(datetime.now, UTC))


class RunQueued(Event, frozen=True, kw_only=True):
    """The run was accepted; ``trace_id`` is that of its caller's trace, where its record names one."""

    trace_id: str | msgspec.UnsetType = msgspec.UNSET


class RunStarted(Event, frozen=True, kw_only=True):
    """An executor begins an attempt of the run; ``attempt`` counts from 1, and is left out for the first."""

    attempt: int | msgspec.UnsetType = msgspec.UNSET


class RunRetried(Event, frozen=True, kw_only=True):
    """Attempt number ``attempt`` of the run failed, and the next one follows in ``delay_seconds``."""

    attempt: int
    error: ErrorCause
    delay_seconds: float


class RunBatched(Event, frozen=True, kw_only=True):
    """The run is executed with others as one of ``runs``, which have ``rows`` rows in all; the log names the id."""

    batch_id: str
    runs: int
    rows: int


class RunPlanned(Event, frozen=True, kw_only=True):
    """The run is about to execute at most ``nodes`` nodes."""

    nodes: int


class NodeStarted(Event, frozen=True, kw_only=True):
    """A node's inputs are about to be loaded; ``attempt`` counts from 1, and is left out for the first."""

    node: str
    attempt: int | msgspec.UnsetType = msgspec.UNSET


class NodeFinished(Event, frozen=True, kw_only=True):
    """A node's outputs are saved."""

    node: str
    duration_ms: float


class NodeRetried(Event, frozen=True, kw_only=True):
    """Attempt number ``attempt`` of a node failed, and the next one follows in ``delay_seconds``."""

    node: str
    attempt: int
    duration_ms: float
    error: ErrorCause
    delay_seconds: float


class NodeFailed(Event, frozen=True, kw_only=True):
    """A node, or a dataset of it, raised."""

    node: str
    duration_ms: float


class NodeCancelled(Event, frozen=True, kw_only=True):
    """A node was stopped while it awaited something."""

    node: str
    duration_ms: float


class DatasetSaved(Event, frozen=True, kw_only=True):
    """An output of a node was saved, for the first time if by a generator; ``is_kept`` unless in memory only."""

    dataset: str
    node: str
    is_kept: bool


class LogLine(Event, frozen=True, kw_only=True):
    """Code of the run logged a line, while it worked for ``node`` or, without one, for the run as a whole."""

    level: str
    logger: str
    message: str
    node: str | None = None


class RunEnded(Event, frozen=True, kw_only=True):
    """The run is in its final state; nothing follows."""

    status: RunStatus
    duration_ms: float | None
    error: ErrorDetail | None = None


class EventsLost(Event, frozen=True, kw_only=True):
    """This reader was too slow: it missed ``count`` events."""

    count: int


RunEvent = (
    RunQueued
    | RunStarted
    | RunRetried
    | RunBatched
    | RunPlanned
    | NodeStarted
    | NodeFinished
    | NodeRetried
    | NodeFailed
    | NodeCancelled
    | DatasetSaved
    | LogLine
    | RunEnded
    | EventsLost
)

Emit = Callable[[Event], None]
_TICK_SECONDS = 0.000_01


class EventClock:
    """Tells the time of a run's events; those within 10 microseconds may get the same time. Thread-safe.

    Durations are told in steps of 10 microseconds, too. An event takes half the time that it takes with its default.
    """

    __slots__ = ("_at", "_read")

    def __init__(self) -> None:
        self._read = perf_counter()
        self._at = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time, in UTC."""
        read = perf_counter()
        if read - self._read > _TICK_SECONDS:
            # First the time: a thread that comes in between reads the clock once more.
            self._at = datetime.now(UTC)
            self._read = read
        return self._at

    def since(self, started: float) -> tuple[float, datetime]:
        """Return the milliseconds since ``started``, a value of ``perf_counter``, and the time now."""
        return milliseconds_since(started), self.now()


def milliseconds_since(started: float) -> float:
    """Return the time since ``started``, a value of ``perf_counter``, as events tell it: with two digits."""
    # `round` with a number of digits takes 0.4 us, this 0.15.
    return int((perf_counter() - started) * 100_000 + 0.5) / 100


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """An event as readers get it.

    ``sequence`` counts the events of its run from 1. ``position`` is the event's place among the events of all runs; a
    reader that gives it back goes on after it. ``body`` is the event as JSON, with its sequence number.
    """

    run_id: str
    sequence: int
    position: str
    body: bytes
    is_last: bool = False

    @property
    def event(self) -> RunEvent:
        """The event itself."""
        return _DECODER.decode(self.body)


_DECODER: msgspec.json.Decoder[RunEvent] = msgspec.json.Decoder(RunEvent)
