"""Watches how long runs take, and how long they wait for their next attempts."""

import math
import time
from collections.abc import Callable

import anyio

from kedro_asgi.dispatch.active_run import ActiveRun


class Deadlines:
    """Calls ``expired`` for each run whose time has come. Belongs to one event loop; one task watches all runs.

    Only runs that have or had a slot are watched, so there are never many.
    """

    def __init__(self, expired: Callable[[ActiveRun], None]) -> None:
        self._expired = expired
        self._due: dict[ActiveRun, float] = {}
        self._next_due = math.inf
        self._wake = anyio.Event()

    def watch(self, run: ActiveRun, seconds: float) -> None:
        """Expect the run to end within so many seconds."""
        due = self._due[run] = time.monotonic() + seconds
        if due < self._next_due:
            self._wake.set()

    def is_watched(self, run: ActiveRun) -> bool:
        """Whether the time of a run has yet to come."""
        return run in self._due

    def forget(self, run: ActiveRun) -> None:
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
