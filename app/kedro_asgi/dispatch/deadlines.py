"""Stops runs that take too long."""

import heapq
import math
import time
from collections.abc import Callable
from itertools import count

import anyio

from kedro_asgi.dispatch.life import Life

# Deadlines of runs that ended in time are swept out when there are that many more of them than of others.
_SLACK = 1000


class Deadlines:
    """Calls ``expired`` for each run whose time is over; one task watches all. Belongs to one event loop."""

    def __init__(self, expired: Callable[[Life, float], None]) -> None:
        self._expired = expired
        self._watched: dict[int, tuple[Life, float]] = {}
        self._due: list[tuple[float, int]] = []
        self._numbers = count()
        self._number_of: dict[Life, int] = {}
        self._wake = anyio.Event()

    def watch(self, life: Life, seconds: float) -> None:
        """Expect the run to end within so many seconds."""
        number, due = next(self._numbers), time.monotonic() + seconds
        self._watched[number] = (life, seconds)
        self._number_of[life] = number
        heapq.heappush(self._due, (due, number))
        if self._due[0][1] == number:
            self._wake.set()

    def forget(self, life: Life) -> None:
        """The run has ended."""
        if (number := self._number_of.pop(life, None)) is not None:
            del self._watched[number]
            if len(self._due) > 2 * len(self._watched) + _SLACK:
                self._due = [entry for entry in self._due if entry[1] in self._watched]
                heapq.heapify(self._due)

    async def run(self) -> None:
        """Go on watching."""
        while True:
            self._wake = anyio.Event()
            with anyio.move_on_after(self._due[0][0] - time.monotonic() if self._due else math.inf):
                await self._wake.wait()
            while self._due and self._due[0][0] <= time.monotonic():
                _, number = heapq.heappop(self._due)
                if number in self._watched:
                    self._expired(*self._watched[number])
