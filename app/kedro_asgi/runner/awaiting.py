"""``async def`` nodes: awaited on the host's event loop where there is one, else on a loop of the run's own."""

import threading
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from anyio import CancelScope, from_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.lowlevel import EventLoopToken

from kedro_asgi.runner.stopping import STOP, StopSignal

# Set for the work that an event loop hands to a thread; copied into the threads that this work starts.
HOST_LOOP: ContextVar[EventLoopToken | None] = ContextVar("kedro_asgi_host_loop", default=None)


class OwnLoop:
    """The event loop of one run that has no host: in a thread of its own, started when a node first needs it.

    So nodes of one run share what belongs to a loop, and a run may be started where another loop is running, as in a
    notebook.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exits = ExitStack()
        self._portal: BlockingPortal | None = None

    def call(self, awaitable: Awaitable[Any]) -> Any:
        """Block until ``awaitable`` is done, and return what it gives or raise what it raises."""
        with self._lock:
            if self._portal is None:
                self._portal = self._exits.enter_context(start_blocking_portal())
        return self._portal.call(_wait, awaitable)

    def close(self) -> None:
        """End the loop, if it was started."""
        self._exits.close()


_OWN_LOOP: ContextVar[OwnLoop | None] = ContextVar("kedro_asgi_own_loop", default=None)


@contextmanager
def own_loop() -> Iterator[None]:
    """Give the nodes of one run a loop to share, unless there is a host's."""
    if HOST_LOOP.get() is not None:
        yield
        return
    loop = OwnLoop()
    token = _OWN_LOOP.set(loop)
    try:
        yield
    finally:
        _OWN_LOOP.reset(token)
        loop.close()


def await_here(awaitable: Awaitable[Any]) -> Any:
    """Block this thread until ``awaitable`` is done, and return what it gives or raise what it raises.

    Where the run is asked to stop, ``awaitable`` is cancelled at once. Never call it on the host's own thread.
    """
    host = HOST_LOOP.get()
    if host is not None:
        return from_thread.run(_wait, awaitable, STOP.get(), token=host)
    if (loop := _OWN_LOOP.get()) is not None:
        return loop.call(awaitable)
    with own_loop():
        return await_here(awaitable)


async def _wait(awaitable: Awaitable[Any], stop: StopSignal | None = None) -> Any:
    if stop is None:
        return await awaitable
    with CancelScope() as scope, stop.calling(scope.cancel):
        return await awaitable
    raise stop.asked()
