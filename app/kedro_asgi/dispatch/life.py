"""One run as this process sees it, from its admission to its end."""

from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from datetime import UTC, datetime
from itertools import count
from time import perf_counter
from typing import Any, cast

import anyio
import msgspec

from kedro_asgi.dispatch.stores.base import EventBatch, IdempotencyKey, WriteResult
from kedro_asgi.errors import RunStoppedError
from kedro_asgi.events import DatasetSaved, Event, LogLine, RunEnded
from kedro_asgi.runner.stopping import StopSignal
from kedro_asgi.runs import ErrorDetail, RunOrder, RunRecord, RunStatus


def now() -> datetime:
    """Return the time, as records and events have it."""
    return datetime.now(UTC)


class Life:
    """A run's record as it changes, its events that are not written yet, and how to stop it.

    ``is_promised``: its caller was, or will be, told that it will be run, so its states are on disk before anything
    follows from them. Events may come from any thread; ``record`` is replaced on the event loop only. What is marked
    as the writer's belongs to whoever writes the run.
    """

    def __init__(
        self,
        record: RunRecord,
        order: RunOrder,
        *,
        touched: "Callable[[Life], None]",
        is_promised: bool = False,
        key: IdempotencyKey | None = None,
        max_log_lines: int,
    ) -> None:
        self.record = record
        self.order = order
        self.key = key
        self.is_promised = is_promised
        self.stop = StopSignal()
        self.outputs: Mapping[str, Any] = {}
        self._context = copy_context()
        self.is_over = False
        self.is_handed_back = False
        self._before_end = record
        self._saved: list[str] = []
        self.touched = touched
        self._log_lines = count(1)
        self._max_log_lines = max_log_lines
        self._is_settled = False
        self._began = 0.0
        self._ended: anyio.Event | None = None
        # The writer's.
        self.events: deque[Event] = deque()
        self.is_dirty = False
        self.is_refused = False
        self.refusal: Exception | None = None
        self.stored: RunStatus | None = None
        self.tried: tuple[RunStatus, ...] = ()
        self.verdict: WriteResult = "stored"
        self.unwritten: list[EventBatch] = []
        self.last_event = 0

    def emit(self, event: Event) -> None:
        """Note what happened; never waits."""
        if self.is_over:
            return
        if type(event) is LogLine:
            number = next(self._log_lines)
            if number > self._max_log_lines:
                return
            if number == self._max_log_lines:
                event = msgspec.structs.replace(event, message="Further lines of this run are not kept.")
        elif type(event) is DatasetSaved and event.is_kept:
            self._saved.append(event.dataset)
        self.events.append(event)
        self.touched(self)

    def change(self, **changes: Any) -> None:
        """Replace facts of the record."""
        self.record = msgspec.structs.replace(self.record, **changes)
        self.touched(self)

    def end(self, status: RunStatus, error: ErrorDetail | None = None) -> None:
        """Bring the run into its final state; its last event is there before that."""
        record, ended = self.record, now()
        self._before_end = record
        started = record.started_at
        duration_ms = None if started is None else round((ended - started).total_seconds() * 1000, 2)
        self.emit(RunEnded(run_id=record.run_id, at=ended, status=status, duration_ms=duration_ms, error=error))
        self.is_over = True
        self.change(
            status=status,
            ended_at=ended,
            duration_ms=duration_ms,
            error=error,
            is_stopping=False,
            saved=tuple(dict.fromkeys(self._saved)),
            outputs=tuple(self.outputs) if self.is_promised and status == "success" else (),
        )

    def end_as(self, reason: RunStoppedError) -> None:
        """End a run that was stopped, or that somebody else left."""
        self.end(cast("RunStatus", reason.status), ErrorDetail(type=type(reason).__qualname__, message=str(reason)))

    def spoil(self, error: Exception) -> None:
        """Give up what cannot be written because of ``error``: events and, if it has ended, the end; the writer's."""
        self.events.clear()
        self.unwritten.clear()
        if self.record.is_final:
            self.record, self.outputs, self.is_over = self._before_end, {}, False
            self.end("failure", ErrorDetail(type="UnstorableRunError", message=f"The run cannot be stored: {error}"))

    @property
    def known(self) -> RunRecord:
        """The record as others may know it: an end that was promised is told when it is on disk."""
        is_secret = self.is_over and self.is_promised and not self.is_settled
        return self._before_end if is_secret else self.record

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will come of this run in this process."""
        return self._is_settled

    def begin(self) -> Context:
        """Note that the run gets a thread now; returns the context of its caller, for the thread to run in."""
        self._began = perf_counter()
        # Not kept: the thread's context leads back to the run.
        return self._context.copy()

    def seconds(self) -> float:
        """How long the run has had its thread."""
        return perf_counter() - self._began

    def announce(self) -> None:
        """Tell those who wait that the run has ended, and that this is on disk if it was promised."""
        self._is_settled = True
        self.let_go()

    def let_go(self) -> None:
        """Let go of those who wait for an end that cannot be told: the room closes, and it is not on disk."""
        if self._ended is not None:
            self._ended.set()

    async def settled(self) -> None:
        """Wait for the end to be announced, or to be let go."""
        if not self._is_settled:
            self._ended = self._ended or anyio.Event()
            await self._ended.wait()
