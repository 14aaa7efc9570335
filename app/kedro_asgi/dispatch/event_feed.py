"""Gives stored events to readers; a slow reader loses events and delays no other."""

import math
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress

import anyio
import msgspec
from anyio.lowlevel import checkpoint

from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.stores.base import EventBatch, Store
from kedro_asgi.dispatch.wakes import Wakes
from kedro_asgi.encoding import encode_json
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.events import EventsLost, Published, RunEvent

Stream = AsyncGenerator[list[Published], None]

_BATCHES = 500
# As many digits as databases count to.
_POSITION = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?")
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class Reader:
    """The events that one reader has not taken yet, at most ``size``: the oldest give way, and are counted."""

    def __init__(self, run_id: str | None, *, size: int) -> None:
        self.run_id = run_id
        self.lost = 0
        self.all_lost = 0
        self.is_closed = False
        self._size = size
        self._events: deque[Published] = deque()
        self._wake = anyio.Event()

    def offer(self, event: Published) -> None:
        """Add an event; does not block."""
        if len(self._events) >= self._size:
            self._events.popleft()
            self.lost += 1
            self.all_lost += 1
        self._events.append(event)
        self._wake.set()

    def close(self) -> None:
        """Let `take` end: nothing will be added."""
        self.is_closed = True
        self._wake.set()

    async def take(self) -> list[Published]:
        """Wait for events and return all that are there, led by a notice if some were lost; empty at the end."""
        while not self._events and not self.is_closed:
            self._wake = anyio.Event()
            await self._wake.wait()
        taken, lost = list(self._events), self.lost
        self._events.clear()
        self.lost = 0
        return [_notice(taken[0], lost), *taken] if lost else taken


class EventFeed:
    """Reads new events from the store, once for all readers of this process, while there are any."""

    def __init__(self, access: StoreAccess, policy: Policy, metrics: Metrics, wakes: Wakes) -> None:
        self._metrics = metrics
        self._access = access
        self._look_seconds = policy.look_seconds / 2 if access.is_shared else math.inf
        self._size = policy.max_buffered_events
        self._readers: set[Reader] = set()
        self._position = 0
        self._wakes = wakes
        self._lock = anyio.Lock()
        self._is_closed = False

    @property
    def readers(self) -> int:
        """How many readers there are."""
        return len(self._readers)

    def wake(self) -> None:
        """Look for new events now, if there are readers."""
        if self._readers:
            self._wakes.wake("events")

    async def close(self) -> None:
        """End all readers, after they got everything that is stored by now."""
        with suppress(StoreUnavailableError):
            await self._catch_up()
        self.end()

    def end(self) -> None:
        """End all readers now."""
        self._is_closed = True
        for reader in self._readers:
            reader.close()

    async def look(self) -> None:
        """Wait for a `wake` or, since other workers store events too, not long, and give readers new events."""
        await self._wakes.wait("events", self._look_seconds if self._readers else math.inf)
        try:
            await self._catch_up()
        except StoreUnavailableError:
            await anyio.sleep(self._look_seconds if self._access.is_shared else 1)

    async def follow_run(self, run_id: str, *, after: int = 0) -> Stream:
        """Yield the events of a run after number ``after``, until its last one."""
        async with self._reading(run_id) as reader:
            for _ in range(2):
                async with aclosing(self._stored_of(run_id, after=after)) as stored:
                    async for events in stored:
                        yield events
                        after = events[-1].sequence
                        if events[-1].is_last:
                            return
                # A run that has ended by now may have stored its last events after they were read: read once more.
                if not await self._has_ended(run_id):
                    break
            else:
                return
            while taken := await reader.take():
                if events := [event for event in taken if event.sequence > after or not event.sequence]:
                    yield events
                    # A notice of lost events has no number.
                    after = max(after, events[-1].sequence)
                if taken[-1].is_last:
                    return

    async def follow_all(self, *, after: str | None) -> Stream:
        """Yield the events of all runs after a position, or from now on."""
        async with self._reading(None) as reader:
            if after is not None and not await self._has_reached(after):
                # A position of another store, or of events that were deleted: nothing can follow it.
                after = None
            async with aclosing(self._stored(after, until=self._position)) as stored:
                async for events in stored:
                    yield events
                    after = events[-1].position
            # Another worker may have sent events that this feed has yet to read.
            is_behind = after is not None
            while events := await reader.take():
                if is_behind:
                    events = _behind(after, events)
                    is_behind = not events or not events[-1].position
                if events:
                    yield events

    async def _has_reached(self, position: str) -> bool:
        with self._access.reading():
            return read_position(position)[0] <= await self._access.read(lambda store: store.last_position())

    async def _has_ended(self, run_id: str) -> bool:
        with self._access.reading():
            record = await self._access.read(lambda store: store.read_run(run_id))
        return record is not None and record.is_final

    @asynccontextmanager
    async def _reading(self, run_id: str | None) -> AsyncIterator[Reader]:
        """Add a reader while this block lasts; it gets every event after ``self._position``."""
        reader = Reader(run_id, size=self._size)
        async with self._lock:
            if not self._readers:
                with self._access.reading():
                    self._position = await self._access.read(lambda store: store.last_position())
            self._readers.add(reader)
        if self._is_closed:
            reader.close()
        self._wakes.wake("events")
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            if reader.all_lost:
                self._metrics.events_lost(reader.all_lost)

    async def _catch_up(self) -> None:
        # One at a time: a new reader, or `close`, must not move the position while another task reads from it.
        async with self._lock:
            while self._readers and await self._read_on():
                pass

    async def _read_on(self) -> bool:
        batches, offered = await self._batches_after(self._position), 0
        for batch in batches:
            offered += batch.last - batch.first + 1
            if offered > self._size // 2:
                # There may be more events than a reader keeps: let the readers take what they have. Trio may go on here
                # before it wakes them, so half of it is left.
                await checkpoint()
                offered = batch.last - batch.first + 1
            readers = [reader for reader in self._readers if reader.run_id in (None, batch.run_id)]
            for event in _published(batch) if readers else ():
                for reader in readers:
                    reader.offer(event)
            self._position = batch.position
        return len(batches) == _BATCHES

    async def _batches_after(self, position: int) -> list[EventBatch]:
        return await self._access.read(lambda store: store.events_after(position, limit=_BATCHES))

    async def _batches_of(self, run_id: str, after: int) -> list[EventBatch]:
        return await self._access.read(lambda store: store.events_of_run(run_id, after=after, limit=_BATCHES))

    async def _stored_of(self, run_id: str, *, after: int) -> Stream:
        with self._access.reading():
            while batches := await self._batches_of(run_id, after):
                yield [event for batch in batches for event in _published(batch) if event.sequence > after]
                after = batches[-1].last

    async def _stored(self, after: str | None, *, until: int) -> Stream:
        if after is None:
            return
        position, sequence = read_position(after)
        # The reader may have got only a part of the batch at that position.
        read = position - 1
        with self._access.reading():
            while read < until:
                batches = await self._batches_after(read)
                found = [event for batch in batches if batch.position <= until for event in _published(batch)]
                if events := [event for event in found if read_position(event.position) > (position, sequence)]:
                    yield events
                read = batches[-1].position if batches else until


def read_events(store: Store, run_id: str) -> Iterator[RunEvent]:
    """Yield the events of a run that are stored by now; blocks."""
    after = 0
    while batches := store.events_of_run(run_id, after=after, limit=_BATCHES):
        for batch in batches:
            yield from (found.event for found in _published(batch))
        after = batches[-1].last


def read_position(text: str) -> tuple[int, int]:
    """Return the number of a position's batch, and of its event within the run; raises ``ValueError``."""
    found = _POSITION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1]), int(found[2] or 0)


def _published(batch: EventBatch) -> Iterator[Published]:
    try:
        events = _RAW_LIST.decode(batch.payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The store is damaged there; readers go on behind it.
        yield _unreadable(batch)
        return
    for sequence, event in enumerate(events, batch.first):
        yield Published(
            run_id=batch.run_id,
            sequence=sequence,
            position=f"{batch.position}.{sequence}",
            # The number goes in front of the fields of the JSON object.
            body=b'{"sequence":%d,' % sequence + bytes(event)[1:],
            is_last=batch.is_last and sequence == batch.last,
        )


def _unreadable(batch: EventBatch) -> Published:
    """Return a notice, in place of the events of a batch that cannot be read."""
    lost = EventsLost(run_id=batch.run_id, sequence=batch.last, count=batch.last - batch.first + 1)
    return Published(
        run_id=batch.run_id,
        sequence=batch.last,
        position=f"{batch.position}.{batch.last}",
        body=encode_json(lost),
        is_last=batch.is_last,
    )


def _behind(position: str | None, events: list[Published]) -> list[Published]:
    """Return the events after a position, and notices of lost ones."""
    last = read_position(position or "0")
    return [event for event in events if not event.position or read_position(event.position) > last]


def _notice(before: Published, count: int) -> Published:
    """Return the notice that a reader lost events before ``before``; it has no number, so it moves no position."""
    event = EventsLost(run_id=before.run_id, count=count)
    return Published(run_id=before.run_id, sequence=0, position="", body=encode_json(event))
