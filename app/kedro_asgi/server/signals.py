"""Let runs end before SIGTERM or SIGINT ends the server."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

import anyio
from anyio.lowlevel import current_token

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.session.event_loop import call_soon

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@asynccontextmanager
async def drain_on_signals(runs: Dispatcher, *, is_enabled: bool) -> AsyncIterator[None]:
    """In this block, drain the dispatcher at the first SIGTERM or SIGINT, and only then pass the signal on.

    Meanwhile the server answers requests, but refuses new runs. A second signal is passed on at once.
    """
    if not is_enabled:
        yield
        return
    delay = _SignalDelay()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(delay.drain, runs)
            yield
            tasks.cancel_scope.cancel()
    finally:
        delay.restore()


class _SignalDelay:
    def __init__(self) -> None:
        self._loop = current_token()
        self._received = anyio.Event()
        self._number: int | None = None
        self._handlers: dict[int, Any] = {number: signal.signal(number, self._receive) for number in _SIGNALS}

    async def drain(self, runs: Dispatcher) -> None:
        await self._received.wait()
        await runs.drain()
        assert self._number is not None
        self._pass_on(self._number, None)

    def restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._number is not None:
            self._pass_on(number, frame)
            return
        self._number = number
        call_soon(self._loop, self._received.set)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        handler = self._handlers[number]
        if callable(handler):
            handler(number, frame)
        else:
            signal.signal(number, handler)
            signal.raise_signal(number)
