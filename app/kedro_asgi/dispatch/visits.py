"""Who is looking into a store, so that it is not closed over them."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from kedro_asgi.errors import DrainingError


class Visits:
    """Counts visits. Belongs to one event loop."""

    def __init__(self) -> None:
        self._open = 0
        self._ended = anyio.Event()
        self._is_closed = False

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be a visitor while this block lasts; raises `DrainingError` once `close` was called."""
        if self._is_closed:
            raise DrainingError
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

    def close(self) -> None:
        """Let nobody in any more."""
        self._is_closed = True
