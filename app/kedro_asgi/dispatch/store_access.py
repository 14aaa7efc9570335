"""Reads of the store from an event loop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio
import anyio.to_thread

from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.errors import DrainingError

T = TypeVar("T")

_MAX_THREADS = 8


class StoreAccess:
    """Reads in a few threads of its own, so no run delays a read; counts readers. Belongs to one event loop."""

    def __init__(self, store: Store) -> None:
        self.is_shared = store.is_shared
        self._store = store
        self._threads = anyio.CapacityLimiter(_MAX_THREADS)
        self._readers = 0
        self._left = anyio.Event()
        self._is_closed = False

    async def read(self, call: Callable[[Store], T]) -> T:
        """Return what ``call`` returns, which runs in a thread."""
        return await anyio.to_thread.run_sync(call, self._store, limiter=self._threads)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the store open while this block lasts; raises `DrainingError` once `close` was called."""
        if self._is_closed:
            raise DrainingError
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            self._left.set()

    async def close(self, *, patience_seconds: float) -> None:
        """Wait until all blocks of `reading` are left, but not long, and refuse further ones."""
        with anyio.move_on_after(patience_seconds):
            while self._readers:
                self._left = anyio.Event()
                await self._left.wait()
        self._is_closed = True
