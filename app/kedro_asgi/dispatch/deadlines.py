"""Watches how long runs take, and how long they wait for their next attempts."""

import math
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Calls ``expired`` for each run whose time has come. Belongs to one event loop; one task watches all runs.

    Only runs that have or had a slot are watched, so there are never many. Groups of runs may stand in
    their place.
    """

    def __init__(self, expired: Callable[[T], None]) -> None:
        self._expired = expired
        self._due: dict[T, float] = {}
        self._next_due = math.inf
        self._wake = anyio.Event()

    def watch(self, run: T, seconds: float) -> None:
        """Expect the run to end within ``seconds``."""
        due = self._due[run] = time.monotonic() + seconds
        if due < self._next_due:
            self._wake.set()

    def is_watched(self, run: T) -> bool:
        """Whether the time of a run has yet to come."""
        return run in self._due

    def forget(self, run: T) -> None:
        """The run has ended."""
        self._due.pop(run, None)

    async def look(self) -> None:
        """Wait until a run may be due, and tell of the runs that are."""
        self._wake = anyio.Event()
        self._next_due = min(self._due.values(), default=math.inf)
        with anyio.move_on_after(self._next_due - time.monotonic()):
            await self._wake.wait()
        for run in [run for run, due in self._due.items() if due <= time.monotonic()]:
            del self._due[run]
            self._expired(run)
