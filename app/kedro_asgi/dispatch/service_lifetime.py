"""When the service is open: for a block, or for as long as an event loop runs."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any

import anyio
from anyio.lowlevel import EventLoopToken, current_token

from kedro_asgi.dispatch.service import Service
from kedro_asgi.errors import ServiceOpenError
from kedro_asgi.session.event_loop import has_ended, start_task


class ServiceLifetime:
    """Has at most one open service at a time, which ``make`` makes on the event loop that it will belong to."""

    def __init__(self, make: Callable[[], Service]) -> None:
        self._make = make
        self.current: OpenedService | None = None

    async def open(self) -> None:
        """Open a service until `close`; the log lines of its runs are events of theirs. Raises `ServiceOpenError`."""
        if self.current is not None and not has_ended(self.current.loop):
            raise ServiceOpenError
        opened = self.current = OpenedService()
        try:
            await opened.enter(self._make(), with_logs=True)
        except BaseException as error:
            self._forget(opened, error)
            raise

    async def close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drain and close the service that `open` opened; if that is done, one that `needed` has opened since."""
        opened = self.current
        if opened is None or opened.has_task:
            await self.close_any()
            return
        try:
            await opened.stack.__aexit__(kind, error, trace)
        finally:
            self._forget(opened)

    async def close_any(self) -> None:
        """Drain and close the service, if there is one, whether `open` or `needed` opened it."""
        opened = self.current
        if opened is None or has_ended(opened.loop):
            return
        if not opened.has_task:
            await self.close(None, None, None)
            return
        opened.leaves.set()
        await opened.ended.wait()

    async def needed(self) -> Service:
        """Return the service; if none is open, open one for as long as this event loop runs.

        It is opened once for all callers, also if the first of them is cancelled.
        """
        while True:
            opened = self.current
            if opened is None or has_ended(opened.loop):
                opened = self.current = OpenedService()
                opened.start(partial(self._stay_open, opened))
            await opened.decided.wait()
            if opened.service is not None:
                return opened.service
            if opened.error is not None:
                raise opened.error

    async def _stay_open(self, opened: "OpenedService") -> None:
        try:
            async with opened.stack:
                await opened.enter(self._make(), with_logs=False)
                await opened.leaves.wait()
        except Exception as error:
            self._forget(opened, error)
        finally:
            self._forget(opened)

    def _forget(self, opened: "OpenedService", error: BaseException | None = None) -> None:
        opened.end(error)
        if self.current is opened:
            self.current = None


class OpenedService:
    """A service that is being opened; once that is decided, it is open or there is an ``error``."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self.error: Exception | None = None
        self.decided = anyio.Event()
        self.leaves = anyio.Event()
        self.ended = anyio.Event()
        self.stack = AsyncExitStack()
        self.loop: EventLoopToken = current_token()
        self._task: object = None

    @property
    def has_task(self) -> bool:
        """Whether a task holds the service open until ``leaves`` is set, and no block does."""
        return self._task is not None

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do ``work`` in a task of the event loop."""
        self._task = start_task(self.loop, work)

    async def enter(self, service: Service, *, with_logs: bool) -> None:
        await self.stack.enter_async_context(service.opened(with_logs=with_logs))
        self.service = service
        self.decided.set()

    def end(self, error: BaseException | None) -> None:
        """The service is closed, or could not be opened because of ``error``; a cancellation is no reason."""
        self.service = None
        self.error = error if isinstance(error, Exception) else self.error
        self.decided.set()
        self.ended.set()
