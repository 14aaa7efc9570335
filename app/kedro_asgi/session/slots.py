"""A limited number of threads at a time, also where the callers that wait for them are cancelled."""

import math
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar, current_token

from kedro_asgi.session.daemon_thread import run_in_daemon_thread
from kedro_asgi.session.event_loop import call_soon

T = TypeVar("T")


class Slots:
    """A number of slots for threads on each event loop; work keeps its slot until its thread ends.

    A limiter alone gives away the slot of a caller that asyncio itself cancels (``asyncio.timeout``), while the thread
    goes on: no shield prevents that.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._limiters: RunVar[anyio.CapacityLimiter] = RunVar("kedro_asgi_slots")

    async def run(self, work: Callable[[], T], *, in_own_thread: bool = False) -> T:
        """Return the result of ``work``, which must raise nothing, from a thread, or from one that is used once."""
        slot = await self.acquire()
        try:
            if in_own_thread:
                return cast("T", await run_in_daemon_thread(partial(slot.run, work)))
            # The slot is the limit: the limiter of anyio, of 40 threads, would be a second one.
            threads = anyio.CapacityLimiter(math.inf)
            return cast("T", await anyio.to_thread.run_sync(slot.run, work, limiter=threads))
        finally:
            slot.leave()

    async def acquire(self) -> "Slot":
        """Wait for a free slot and return it; the caller leaves it in the end."""
        limiter = self._limiter()
        slot = Slot(limiter)
        await limiter.acquire_on_behalf_of(slot)
        return slot

    def _limiter(self) -> anyio.CapacityLimiter:
        try:
            return self._limiters.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self._count)
            self._limiters.set(limiter)
            return limiter


class Slot:
    """Held by a thread and by the caller that waits for it; the last of them releases it."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter
        self._loop = current_token()
        self._lock = threading.Lock()
        self._is_running = False
        self._has_caller = True

    def run(self, work: Callable[[], T]) -> T | None:
        """Work, in the thread, unless the caller has left before the thread began."""
        with self._lock:
            self._is_running = self._has_caller
        if not self._is_running:
            return None
        result = work()
        with self._lock:
            self._is_running = False
            is_last = not self._has_caller
        if is_last:
            # The thread does not wait for the release: the loop may have stopped.
            call_soon(self._loop, self._release)
        return result

    def leave(self) -> None:
        """Note, on the event loop, that the caller waits no longer."""
        with self._lock:
            self._has_caller = False
            is_last = not self._is_running
        if is_last:
            self._release()

    def _release(self) -> None:
        self._limiter.release_on_behalf_of(self)
