"""Reads of the store from an event loop, and the upkeep that does not go through the writer thread."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.errors import DrainingError, StoreUnavailableError

T = TypeVar("T")

_MAX_THREADS = 8


class StoreAccess:
    """Reads in a few threads of its own, so no run delays a read; counts readers. Belongs to one event loop."""

    def __init__(self, store: Store, *, store_failed: Callable[[], None]) -> None:
        self._store_failed = store_failed
        self.is_shared = store.is_shared
        self._store = store
        self._threads = anyio.CapacityLimiter(_MAX_THREADS)
        self._readers = 0
        self._left = anyio.Event()
        self._is_closed = False

    async def read(self, call: Callable[[Store], T]) -> T:
        """Return what ``call`` returns, which runs in a thread; tells if it finds the store unavailable."""
        try:
            return await anyio.to_thread.run_sync(call, self._store, limiter=self._threads)
        except StoreUnavailableError:
            self._store_failed()
            raise

    async def maintain(self, call: Callable[[Store], T]) -> T:
        """Do what `read` does, for the calls that write beside the writer thread.

        These drop whole days and renew the lock of a worker: the thread that writes promises must not wait for them.
        """
        return await self.read(call)

    def reading(self) -> "_Reading":
        """Keep the store open while this block lasts; raises `DrainingError` once `close` was called."""
        return _Reading(self)

    async def close(self, *, patience_seconds: float) -> None:
        """Wait until all blocks of `reading` are left, but not long, and refuse further ones."""
        with anyio.move_on_after(patience_seconds):
            while self._readers:
                self._left = anyio.Event()
                await self._left.wait()
        self._is_closed = True

    def _enter(self) -> None:
        if self._is_closed:
            raise DrainingError
        self._readers += 1

    def _leave(self) -> None:
        self._readers -= 1
        self._left.set()


class _Reading:
    """A block that reads; a generator in its place would take 2 % of what a submit takes."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access

    def __enter__(self) -> None:
        self._access._enter()

    def __exit__(self, *_: object) -> None:
        self._access._leave()
