"""The runs of other workers, or of none yet, whose ends callers of this worker wait for."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import anyio

from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.dispatch.wakes import Wakes

# What one statement asks for.
_MANY = 1000


class Waiter:
    """A caller that waits until a run has ended, or until this worker has it."""

    def __init__(self, wakes: Wakes) -> None:
        self.is_waiting = False
        self._wakes = wakes
        self._told = anyio.Event()

    async def wait(self) -> None:
        """Wait until something was told of the run since the last wait."""
        if not self._told.is_set():
            self.is_waiting = True
            # The run may have ended before.
            self._wakes.wake("ends")
            try:
                await self._told.wait()
            finally:
                self.is_waiting = False
        self._told = anyio.Event()

    def tell(self) -> None:
        """Let the caller look at the run."""
        self._told.set()


class WaitedRuns:
    """Asks the store for the ends of all these runs at once. Belongs to one event loop."""

    def __init__(self, access: StoreAccess, policy: Policy, wakes: Wakes) -> None:
        self._access = access
        self._look_seconds = policy.look_seconds if access.is_shared else math.inf
        self._wakes = wakes
        self._waiters: dict[str, list[Waiter]] = {}

    @contextmanager
    def waiter(self, run_id: str) -> Iterator[Waiter]:
        """Have a caller told of a run while this block lasts."""
        waiter = Waiter(self._wakes)
        self._waiters.setdefault(run_id, []).append(waiter)
        try:
            yield waiter
        finally:
            self._waiters[run_id].remove(waiter)
            if not self._waiters[run_id]:
                del self._waiters[run_id]

    def tell(self, run_ids: Iterable[str]) -> None:
        """These runs have ended, or this worker has them now."""
        for run_id in run_ids:
            for waiter in self._waiters.get(run_id, ()):
                waiter.tell()

    def end(self) -> None:
        """Let all callers go on: the service closes."""
        self.tell(tuple(self._waiters))

    async def look(self) -> None:
        """Wait until runs may have ended, and tell the callers of those that have."""
        await self._wakes.wait("ends", self._look_seconds if self._waited() else math.inf)
        waited = self._waited()
        for start in range(0, len(waited), _MANY):
            part = waited[start : start + _MANY]
            self.tell(await self._access.read(partial(_ended_runs, part)))

    def _waited(self) -> list[str]:
        return [run_id for run_id, waiters in self._waiters.items() if any(waiter.is_waiting for waiter in waiters)]


def _ended_runs(run_ids: Sequence[str], store: Store) -> frozenset[str]:
    return store.ended_runs(run_ids)
