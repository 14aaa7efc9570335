"""``async def`` nodes: awaited on the host's event loop where there is one, else on a loop of their own."""

from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Any

import anyio
from anyio import from_thread
from anyio.lowlevel import EventLoopToken

# Set for the work that an event loop hands to a thread; copied into the threads that this work starts.
HOST_LOOP: ContextVar[EventLoopToken | None] = ContextVar("kedro_asgi_host_loop", default=None)


def await_here(awaitable: Awaitable[Any]) -> Any:
    """Block this thread until ``awaitable`` is done, and return what it gives or raise what it raises.

    Never call it on the event loop's own thread.
    """
    host = HOST_LOOP.get()
    if host is None:
        return anyio.run(_wait, awaitable)
    return from_thread.run(_wait, awaitable, token=host)


async def _wait(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
