"""The state of a run in the store, and the next write of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any, Literal

import msgspec

from kedro_asgi.dispatch.failed_attempts import with_attempt
from kedro_asgi.dispatch.final_state import end_of
from kedro_asgi.dispatch.messages import RunAdmitted, RunChanged, Written
from kedro_asgi.dispatch.stores.base import EventBatch, RunWrite, WriteResult
from kedro_asgi.dispatch.stores.notifications import NewNotification
from kedro_asgi.encoding import encode_json
from kedro_asgi.errors.wording import bounded
from kedro_asgi.events import Event, NodeRetried, RunEnded
from kedro_asgi.failures import MAX_CHARACTERS, shown
from kedro_asgi.runs import ErrorDetail, RunRecord, RunStatus

MakeNotifications = Callable[[RunRecord], Sequence[NewNotification]]
"""Makes the notifications of a run that has ended; any thread may call it."""


class WriteOptions(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What the writes of all runs of a worker have in common.

    ``owner`` is the worker. Orders of up to ``keep_order_bytes`` stay when their runs have ended. A new run is refused
    if ``max_queued`` wait in the queue of the store.
    """

    owner: str
    keep_order_bytes: int
    max_queued: int | None = None
    make_notifications: MakeNotifications | None = None


class PendingWrite:
    """The latest state of one run. Belongs to the writer thread.

    States replace each other, events are numbered and added up. ``_tried`` are the statuses that were written without
    an answer since the last answer: the store may have any of them.
    """

    def __init__(self, admitted: RunAdmitted, options: WriteOptions) -> None:
        self.record = admitted.record
        self.is_promised = admitted.is_promised
        self._is_released = admitted.is_released
        self._options = options
        self._order = admitted.order
        self._key = admitted.key
        self._caller = admitted.caller
        self._stored = admitted.stored
        self._last_event = admitted.last_event
        self._events: list[Event] = [] if admitted.event is None else [admitted.event]
        self._batches: list[EventBatch] = []
        self._outputs: Mapping[str, Any] = {}
        self._tried: tuple[RunStatus, ...] = ()
        self._before_end = admitted.record
        self._is_end_replaced = False
        self._admitted_at = monotonic()

    @property
    def is_stored(self) -> bool:
        """Whether the store is known to have the run."""
        return self._stored is not None

    def can_wait(self, *, since: float) -> bool:
        """Whether the store has nothing of the run and need not: it is younger than ``since`` and not promised."""
        return self._stored is None and not self.is_promised and not self.record.is_final and self._admitted_at > since

    def take(self, messages: Iterable[Event | RunChanged]) -> bool:
        """Take events and states of the run; an event after the end is dropped. Returns whether anything was taken."""
        has_ended, was_changed = self.record.is_final, False
        for message in messages:
            if isinstance(message, RunChanged):
                self.change(message)
                has_ended = message.record.is_final
            elif has_ended:
                continue
            else:
                self._events.append(message)
                if type(message) is NodeRetried:
                    # A worker that dies cannot tell in the run's end.
                    self.record = self._before_end = with_attempt(self.record, message)
            was_changed = True
        return was_changed

    def change(self, changed: RunChanged) -> None:
        """Take the run's state as it is now."""
        if changed.event is not None:
            self._events.append(changed.event)
        if not changed.record.is_final:
            self._before_end = changed.record
        self.record = changed.record
        self._outputs = changed.outputs
        self._is_released = changed.is_released

    def next_write(self) -> RunWrite:
        """Return what is to be written now."""
        record, tried, options = self.record, self._tried, self._options
        if self._events:
            self._batches.append(self._batch(self._events))
            self._events = []
        if record.status not in tried:
            self._tried = (*tried, record.status)
        is_new = self._stored is None
        ended = record.ended_at
        is_for_queue = is_new and self._is_released
        make_notifications = options.make_notifications if record.is_final else None
        return RunWrite(
            record=record,
            expected_status=self._stored,
            owner=None if is_for_queue else options.owner,
            unconfirmed_statuses=tried,
            created_at_ms=int(record.created_at.timestamp() * 1000),
            ended_at_ms=None if ended is None else int(ended.timestamp() * 1000),
            order=self._order if is_new else None,
            key=self._key if is_new else None,
            event_batches=tuple(self._batches),
            outputs=tuple((name, bytes(memoryview(value))) for name, value in self._outputs.items()),
            notifications=() if make_notifications is None else make_notifications(record),
            keep_order_bytes=options.keep_order_bytes,
            max_queued=options.max_queued if is_for_queue else None,
            is_released=self._is_released and not is_new,
            due_at_ms=_due_at_ms(record) if self._is_released else None,
            caller=self._caller if is_new else None,
        )

    def settle(self, write: RunWrite, result: WriteResult) -> Written:
        """Note what became of ``write``, and return that for the event loop."""
        self._tried = ()
        if result == "stored":
            self._stored = write.record.status
            # It may be large.
            self._order = None
            del self._batches[: len(write.event_batches)]
        replaced = write.record if self._is_end_replaced else None
        return Written(
            run_id=write.record.run_id,
            status=write.record.status,
            result=result,
            is_released=result == "stored" and (write.owner is None or write.is_released),
            record=replaced,
        )

    def given_up(self, result: Literal["unstorable", "dropped"], reason: str) -> Written:
        """Return, for the event loop, that the state is not stored and will not be."""
        return Written(run_id=self.record.run_id, status=self.record.status, result=result, reason=reason)

    def replace(self, error: Exception) -> None:
        """Give up what cannot be written because of ``error``: events and, if the run has ended, its end."""
        self._events.clear()
        self._batches.clear()
        if self.record.is_final:
            detail = ErrorDetail(type="UnstorableRunError", message=shown(f"The run cannot be stored: {error}"))
            self.change(end_of(self._before_end, "failure", detail, saved=self.record.saved))
            self._is_end_replaced = True

    def _batch(self, events: list[Event]) -> EventBatch:
        first, self._last_event = self._last_event + 1, self._last_event + len(events)
        return EventBatch(
            run_id=self.record.run_id,
            first=first,
            last=self._last_event,
            payload=_encode(events),
            is_last=isinstance(events[-1], RunEnded),
        )


def _due_at_ms(record: RunRecord) -> int | None:
    """Return when a worker has to take a run that waits: for its next attempt, or to end it when its time is over."""
    due = record.next_attempt_at
    if due is None:
        return None
    if record.timeout_seconds is not None and record.started_at is not None:
        due = min(due, record.started_at + timedelta(seconds=record.timeout_seconds))
    return int(due.timestamp() * 1000)


def _encode(events: list[Event]) -> bytes:
    """Return events as JSON, with bounded texts: names of nodes and datasets may be of any length."""
    payload = encode_json(events)
    if len(payload) <= MAX_CHARACTERS * len(events):
        return payload
    return encode_json(_bounded(msgspec.to_builtins(events)))


def _bounded(tree: Any) -> Any:
    match tree:
        case dict():
            return {key: _bounded(value) for key, value in tree.items()}
        case list() | tuple():
            return [_bounded(value) for value in tree]
        # Twice as long: texts that were bounded before end with the number of characters that are left out.
        case str() if len(tree) > 2 * MAX_CHARACTERS:
            return bounded(tree, MAX_CHARACTERS)
    return tree
