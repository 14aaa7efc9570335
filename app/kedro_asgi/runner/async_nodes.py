"""``async def`` nodes: awaited on the host's event loop where there is one, else on a loop of the run's own."""

import threading
from collections.abc import AsyncGenerator, Awaitable, Generator
from contextlib import ExitStack
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self

import msgspec
from anyio import CancelScope, from_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.lowlevel import EventLoopToken

from kedro_asgi.runner.stopping import STOP, StopSignal

# Set for the work that an event loop hands to a thread; copied into the threads that this work starts.
HOST_LOOP: ContextVar[EventLoopToken | None] = ContextVar("kedro_asgi_host_loop", default=None)
_RUN_LOOP: ContextVar["RunLoop | None"] = ContextVar("kedro_asgi_run_loop", default=None)


def await_here(awaitable: Awaitable[Any]) -> Any:
    """Block this thread until ``awaitable`` is done, and return what it gives or raise what it raises.

    Where the run is asked to stop, ``awaitable`` is cancelled at once. Never call it on the host's own thread.
    """
    host, own = HOST_LOOP.get(), _RUN_LOOP.get()
    if host is not None:
        ended: _Ended = from_thread.run(_wait, awaitable, STOP.get(), token=host)
    elif own is not None:
        ended = own.portal.call(_wait, awaitable)
    else:
        with start_blocking_portal() as portal:
            ended = portal.call(_wait, awaitable)
    return ended.value()


def drawn(chunks: AsyncGenerator[Any, None]) -> Generator[Any, None, None]:
    """Yield what an ``async`` generator yields, each chunk when it is asked for."""
    try:
        while (chunk := await_here(anext(chunks, _NO_MORE))) is not _NO_MORE:
            yield chunk
    finally:
        await_here(chunks.aclose())


_NO_MORE = object()


class RunLoop:
    """An event loop for the async nodes of one run that has no host, in a thread of its own.

    It starts when the first of them wants it, and ends with the run: what one node opens, a later one can use.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: ExitStack | None = None
        self._portal: BlockingPortal | None = None
        self._before: Token[RunLoop | None] | None = None

    @property
    def portal(self) -> BlockingPortal:
        """The way onto the loop, which is started now if it was not."""
        with self._lock:
            if self._portal is None:
                self._opened = ExitStack()
                self._portal = self._opened.enter_context(start_blocking_portal())
            return self._portal

    def __enter__(self) -> Self:
        self._before = _RUN_LOOP.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._before is not None
        _RUN_LOOP.reset(self._before)
        if self._opened is not None:
            self._opened.__exit__(kind, error, trace)


class _Ended(msgspec.Struct, frozen=True, eq=False):
    """What an awaitable gave. A ``SystemExit`` of user code must not end the event loop, so it leaves it as data."""

    result: Any = None
    left: BaseException | None = None

    def value(self) -> Any:
        if self.left is not None:
            raise self.left
        return self.result


async def _wait(awaitable: Awaitable[Any], stop: StopSignal | None = None) -> _Ended:
    try:
        if stop is None:
            return _Ended(result=await awaitable)
        with CancelScope() as scope, stop.on_stop(scope.cancel):
            return _Ended(result=await awaitable)
    except (SystemExit, KeyboardInterrupt) as error:
        return _Ended(left=error)
    raise stop.asked()
