"""SIGTERM and SIGINT let runs end before the server does."""

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
async def draining_on_signals(runs: Dispatcher, *, is_wanted: bool) -> AsyncIterator[None]:
    """While this block lasts, hold back the signals that end the server until the room of runs is drained.

    The server goes on answering meanwhile, and refuses new runs. A second signal is passed on at once.
    """
    if not is_wanted:
        yield
        return
    keeper = _Keeper()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keeper.drain, runs)
            yield
            tasks.cancel_scope.cancel()
    finally:
        keeper.restore()


class _Keeper:
    def __init__(self) -> None:
        self._loop = current_token()
        self._came = anyio.Event()
        self._number: int | None = None
        self._handlers: dict[int, Any] = {number: signal.signal(number, self._note) for number in _SIGNALS}

    async def drain(self, runs: Dispatcher) -> None:
        await self._came.wait()
        await runs.drain()
        assert self._number is not None
        self._pass_on(self._number, None)

    def restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._number is not None:
            self._pass_on(number, frame)
            return
        self._number = number
        call_soon(self._loop, self._came.set)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        handler = self._handlers[number]
        if callable(handler):
            handler(number, frame)
        else:
            signal.signal(number, handler)
            signal.raise_signal(number)
