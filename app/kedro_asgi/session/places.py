"""Work in threads, so much at a time, whatever becomes of those who wait for it."""

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

import anyio
import anyio.to_thread
from anyio import from_thread

T = TypeVar("T")


class Places:
    """As many places as there may be threads at a time; work keeps its place until its thread ends.

    A limiter alone gives away the place of a caller whom asyncio itself cancels (``asyncio.timeout``), while the thread
    goes on: no shield keeps that out.
    """

    def __init__(self, count: int) -> None:
        self._places = anyio.CapacityLimiter(count)
        self._threads = anyio.CapacityLimiter(math.inf)

    async def work(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, which must raise nothing."""
        place = _Place(self._places)
        await self._places.acquire_on_behalf_of(place)
        try:
            return cast("T", await anyio.to_thread.run_sync(place.held, work, limiter=self._threads))
        finally:
            place.leave()


class _Place:
    """Held by a thread, and by who waits for it; the last of them gives it back."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter
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
            # Where the loop has ended there is no place left to give back.
            with suppress(RuntimeError):
                from_thread.run_sync(self._give_back)
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
