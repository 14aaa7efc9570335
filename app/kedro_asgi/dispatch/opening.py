"""Opens a room of runs: for a block, or for as long as an event loop runs."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType

import anyio
from anyio.lowlevel import current_token

from kedro_asgi.dispatch.room import Room
from kedro_asgi.dispatch.soon import start_task


class Opening:
    """At most one open room at a time, made by ``make`` on the event loop that it will belong to."""

    def __init__(self, make: Callable[[], Room]) -> None:
        self.room: Room | None = None
        self._make = make
        self._stack = AsyncExitStack()
        self._lock = anyio.Lock()
        self._background: object = None
        self._error: Exception | None = None

    async def open(self) -> None:
        """Open a room until `close`; its runs' log lines are among their events."""
        await self._open(with_logs=True)

    async def close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drain and close the room."""
        try:
            await self._stack.__aexit__(kind, error, trace)
        finally:
            self.room = None

    async def needed(self) -> Room:
        """Return the room; where nobody opened one, open it for as long as this event loop runs."""
        if self.room is not None:
            return self.room
        async with self._lock:
            if self.room is None:
                opened = anyio.Event()
                self._background = start_task(current_token(), lambda: self._stay_open(opened))
                await opened.wait()
        if self.room is None:
            assert self._error is not None
            raise self._error
        return self.room

    async def _open(self, *, with_logs: bool) -> None:
        room = self._make()
        await self._stack.enter_async_context(room.opened(with_logs=with_logs))
        self.room = room

    async def _stay_open(self, opened: anyio.Event) -> None:
        try:
            async with self._stack:
                await self._open(with_logs=False)
                opened.set()
                await anyio.sleep_forever()
        except Exception as error:
            self._error = error
        finally:
            self.room = None
            opened.set()
