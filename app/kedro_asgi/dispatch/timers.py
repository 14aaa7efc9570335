"""Watches when the time of runs, and of groups of them, has come: limits, waits, windows."""

import math
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Timers(Generic[T]):
    """Calls ``expired`` for each item whose time has come. Belongs to one event loop; one task watches all items."""

    def __init__(self, expired: Callable[[T], None]) -> None:
        self._expired = expired
        self._due: dict[T, float] = {}
        self._next_due = math.inf
        self._wake = anyio.Event()

    def watch(self, item: T, seconds: float) -> None:
        """Call ``expired`` for this item in ``seconds``."""
        due = self._due[item] = time.monotonic() + seconds
        if due < self._next_due:
            self._wake.set()

    def watch_no_later(self, item: T, seconds: float) -> None:
        """Call ``expired`` for this item in ``seconds``, unless it is called before anyway."""
        if time.monotonic() + seconds < self._due.get(item, math.inf):
            self.watch(item, seconds)

    def is_watched(self, item: T) -> bool:
        """Whether the time of this item has yet to come."""
        return item in self._due

    def forget(self, item: T) -> None:
        """Do not call ``expired`` for this item."""
        self._due.pop(item, None)

    async def look(self) -> None:
        """Wait until an item may be due, and call ``expired`` for those that are."""
        self._wake = anyio.Event()
        self._next_due = min(self._due.values(), default=math.inf)
        with anyio.move_on_after(self._next_due - time.monotonic()):
            await self._wake.wait()
        for item in [item for item, due in self._due.items() if due <= time.monotonic()]:
            del self._due[item]
            self._expired(item)
