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

# How many runs one statement asks for.
_MANY = 1000


class WaitedRuns:
    """Asks the store for the ends of all these runs at once. Belongs to one event loop."""

    def __init__(self, access: StoreAccess, policy: Policy, wakes: Wakes) -> None:
        self._access = access
        self._look_seconds = policy.look_seconds if access.is_shared else math.inf
        self._wakes = wakes
        self._waiters: dict[str, list[anyio.Event]] = {}

    @contextmanager
    def waiter(self, run_id: str) -> Iterator[anyio.Event]:
        """Yield an event that is set when the run has ended, or when this worker has it, within this block."""
        if not self._waiters:
            # Without any, `look` waits for ever.
            self._wakes.wake("ends")
        told = anyio.Event()
        self._waiters.setdefault(run_id, []).append(told)
        try:
            yield told
        finally:
            self._waiters[run_id].remove(told)
            if not self._waiters[run_id]:
                del self._waiters[run_id]

    def tell(self, run_ids: Iterable[str]) -> None:
        """These runs have ended, or this worker has them now."""
        for run_id in run_ids:
            for told in self._waiters.get(run_id, ()):
                told.set()

    def end(self) -> None:
        """Let all callers go on: the service closes."""
        self.tell(tuple(self._waiters))

    async def look(self) -> None:
        """Wait until runs may have ended, and tell the callers of those that have."""
        await self._wakes.wait("ends", self._look_seconds if self._waiters else math.inf)
        waited = list(self._waiters)
        for start in range(0, len(waited), _MANY):
            part = waited[start : start + _MANY]
            self.tell(await self._access.read(partial(_ended_runs, part)))


def _ended_runs(run_ids: Sequence[str], store: Store) -> frozenset[str]:
    return store.ended_runs(run_ids)
