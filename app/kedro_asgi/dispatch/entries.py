"""From a run as it is to what is written of it, and back to what is known to be written."""

from collections import deque

from kedro_asgi.dispatch.life import Life
from kedro_asgi.dispatch.stores.base import EventBatch, RunWrite, WriteResult
from kedro_asgi.encoding import encode_json
from kedro_asgi.events import Event, RunEnded


def entry_of(life: Life, owner: str) -> RunWrite:
    """Return what is to be written of a run now; only whoever writes the run may call it."""
    life.is_dirty = False
    events = _drain(life.events)
    record = life.record
    if record.is_final:
        # The last event was there before the final record, but perhaps not yet when we looked.
        events += _drain(life.events)
    elif events and isinstance(events[-1], RunEnded):
        # It goes with the final record, which is posted in a moment: the run has ended in both or in neither.
        life.events.appendleft(events.pop())
    if events:
        life.unwritten.append(_chunk(life, events))
    first_write = life.stored is None
    tried = life.tried
    if record.status not in tried:
        life.tried = (*tried, record.status)
    ended = record.ended_at
    return RunWrite(
        record=record,
        expected_status=life.stored,
        owner=owner,
        unconfirmed_statuses=tried,
        created_at_ms=int(record.created_at.timestamp() * 1000),
        ended_at_ms=None if ended is None else int(ended.timestamp() * 1000),
        order=life.order if first_write and life.is_promised else None,
        key=life.key if first_write else None,
        event_batches=tuple(life.unwritten),
        outputs=tuple((name, bytes(memoryview(life.outputs[name]))) for name in record.outputs),
    )


def settle(life: Life, entry: RunWrite, verdict: WriteResult) -> None:
    """Note that ``entry`` was written, or why not."""
    life.verdict = verdict
    life.tried = ()
    if verdict == "stored":
        life.stored = entry.record.status
        del life.unwritten[: len(entry.event_batches)]


def _drain(events: deque[Event]) -> list[Event]:
    drained = []
    while events:
        drained.append(events.popleft())
    return drained


def _chunk(life: Life, events: list[Event]) -> EventBatch:
    first, life.last_event = life.last_event + 1, life.last_event + len(events)
    return EventBatch(
        run_id=life.record.run_id,
        first=first,
        last=life.last_event,
        payload=encode_json(events),
        is_last=isinstance(events[-1], RunEnded),
    )
