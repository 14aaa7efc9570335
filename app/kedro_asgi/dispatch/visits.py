"""Who is looking into a store, so that it is not closed over them."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio


class Visits:
    """Counts visits. Belongs to one event loop."""

    def __init__(self) -> None:
        self._open = 0
        self._ended = anyio.Event()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be a visitor while this block lasts."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            self._ended.set()

    async def ended(self) -> None:
        """Wait until nobody visits."""
        while self._open:
            self._ended = anyio.Event()
            await self._ended.wait()
