"""When the long-lived work of a service looks into the store: when another worker wakes it, or after some time."""

import math
from functools import partial
from typing import get_args

import anyio
from anyio.lowlevel import current_token

from kedro_asgi.dispatch.stores.base import Store, WakeTopic
from kedro_asgi.dispatch.supervision import varied
from kedro_asgi.session.event_loop import call_soon

# How often a worker looks although it would be woken: a wake may be lost with its connection.
_LISTENING_SECONDS = 5.0


class Wakes:
    """One event for each topic; one task waits for each event. Belongs to one event loop.

    With ``ends_free_slots``, the end of a run of another worker is a reason to look into the queue, too.
    """

    def __init__(self, store: Store, *, ends_free_slots: bool = False) -> None:
        self._store = store
        self._ends_free_slots = ends_free_slots
        self._loop = current_token()
        self._events = {topic: anyio.Event() for topic in get_args(WakeTopic)}

    def open(self, owner: str) -> None:
        """Listen for the wakes of other workers until the store is closed."""
        self._store.listen(owner, self._receive)

    def wake(self, *topics: WakeTopic) -> None:
        """Have the work on these topics look now."""
        for topic in topics:
            self._events[topic].set()

    async def wait(self, topic: WakeTopic, seconds: float, *, at_most_seconds: float = math.inf) -> None:
        """Wait for a wake, or for about ``seconds``; while the store listens for wakes, these are five at least.

        It never waits for longer than ``at_most_seconds``.
        """
        if self._store.is_listening:
            seconds = max(seconds, _LISTENING_SECONDS)
        with anyio.move_on_after(min(varied(seconds), at_most_seconds)):
            await self._events[topic].wait()
        # Before the look: a wake that comes during it causes another one.
        self._events[topic] = anyio.Event()

    def _receive(self, topics: frozenset[WakeTopic]) -> None:
        """Take wakes to the event loop; a thread of the store calls this."""
        if self._ends_free_slots and "ends" in topics:
            topics |= {"queue"}
        call_soon(self._loop, partial(self.wake, *topics))
