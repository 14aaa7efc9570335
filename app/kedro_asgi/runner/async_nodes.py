"""Await ``async def`` nodes on the host's event loop where there is one, else on a loop of the run's own."""

import threading
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator
from contextlib import ExitStack
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self

from anyio import CancelScope, RunFinishedError, from_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.lowlevel import EventLoopToken

from kedro_asgi.outcome import Outcome
from kedro_asgi.runner.stopping import STOP_SIGNAL, StopSignal

# Set in threads that work for an event loop, and copied into the threads that these start.
HOST_LOOP: ContextVar[EventLoopToken | None] = ContextVar("kedro_asgi_host_loop", default=None)
_RUN_LOOP: ContextVar["RunLoop | None"] = ContextVar("kedro_asgi_run_loop", default=None)


def await_in_thread(awaitable: Awaitable[Any]) -> Any:
    """Block this thread until ``awaitable`` is done, and return its result or raise its error.

    A request to stop the run cancels ``awaitable`` at once. Never call this in the thread of the host's loop.
    """
    host, own = HOST_LOOP.get(), _RUN_LOOP.get()
    if host is not None:
        try:
            ended: Outcome[Any] = from_thread.run(_await, awaitable, STOP_SIGNAL.get(), token=host)
        except RunFinishedError:
            # The host has ended while this thread worked on. Python would warn of a coroutine that was never awaited.
            if isinstance(awaitable, Coroutine):
                awaitable.close()
            raise
    elif own is not None:
        ended = own.portal.call(_await, awaitable)
    else:
        with start_blocking_portal() as portal:
            ended = portal.call(_await, awaitable)
    return ended.value()


def iterate_in_thread(chunks: AsyncGenerator[Any, None]) -> Generator[Any, None, None]:
    """Yield the chunks of an ``async`` generator, each when it is asked for."""
    try:
        while (chunk := await_in_thread(anext(chunks, _EXHAUSTED))) is not _EXHAUSTED:
            yield chunk
    finally:
        await_in_thread(chunks.aclose())


_EXHAUSTED = object()


class RunLoop:
    """An event loop for the async nodes of one run that has no host, in a thread of its own.

    It starts with the first async node and ends with the run, so a later node can use what an earlier one opened.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack: ExitStack | None = None
        self._portal: BlockingPortal | None = None
        self._previous: Token[RunLoop | None] | None = None

    @property
    def portal(self) -> BlockingPortal:
        """The portal to the loop, which starts now if it does not run yet."""
        with self._lock:
            if self._portal is None:
                self._stack = ExitStack()
                self._portal = self._stack.enter_context(start_blocking_portal())
            return self._portal

    def __enter__(self) -> Self:
        self._previous = _RUN_LOOP.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._previous is not None
        _RUN_LOOP.reset(self._previous)
        if self._stack is not None:
            self._stack.__exit__(kind, error, trace)


async def _await(awaitable: Awaitable[Any], stop: StopSignal | None = None) -> Outcome[Any]:
    try:
        if stop is None:
            return Outcome(result=await awaitable)
        with CancelScope() as scope, stop.on_stop(scope.cancel):
            return Outcome(result=await awaitable)
    except (SystemExit, KeyboardInterrupt) as error:
        return Outcome(error=error)
    # Only a stop cancels the scope, and it sets the reason first.
    assert stop.reason is not None
    raise stop.reason
