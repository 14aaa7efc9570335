"""Work in threads, so much at a time, whatever becomes of those who wait for it."""

import math
import threading
from collections.abc import Callable
from typing import TypeVar, cast

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar, current_token

from kedro_asgi.session.event_loop import call_soon

T = TypeVar("T")


class Slots:
    """So many places on each event loop for threads; work keeps its place until its thread ends.

    A limiter alone gives away the place of a caller whom asyncio itself cancels (``asyncio.timeout``), while the thread
    goes on: no shield keeps that out.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._limiters: RunVar[anyio.CapacityLimiter] = RunVar("kedro_asgi_slots")

    async def work(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, which must raise nothing."""
        limiter = self._limiter()
        place = _Slot(limiter)
        await limiter.acquire_on_behalf_of(place)
        try:
            threads = anyio.CapacityLimiter(math.inf)
            return cast("T", await anyio.to_thread.run_sync(place.held, work, limiter=threads))
        finally:
            place.leave()

    def _limiter(self) -> anyio.CapacityLimiter:
        try:
            return self._limiters.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self._count)
            self._limiters.set(limiter)
            return limiter


class _Slot:
    """Held by a thread, and by who waits for it; the last of them gives it back."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter
        self._loop = current_token()
        self._lock = threading.Lock()
        self._is_working = False
        self._is_left = False

    def held(self, work: Callable[[], T]) -> T | None:
        """Work, in the thread, unless nobody waits for that any more."""
        with self._lock:
            self._is_working = not self._is_left
        if not self._is_working:
            return None
        result = work()
        with self._lock:
            self._is_working = False
            is_last = self._is_left
        if is_last:
            # Without waiting for that: the loop may have stopped.
            call_soon(self._loop, self._give_back)
        return result

    def leave(self) -> None:
        """Wait no longer."""
        with self._lock:
            self._is_left = True
            is_last = not self._is_working
        if is_last:
            self._give_back()

    def _give_back(self) -> None:
        self._limiter.release_on_behalf_of(self)
