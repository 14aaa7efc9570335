"""Reads of the store from async code: in threads of their own number, so that no run keeps them waiting."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")

_MAX_THREADS = 8
_LIMITER: RunVar[anyio.CapacityLimiter] = RunVar("kedro_asgi_looks")


async def look(read: Callable[[], T]) -> T:
    """Return what ``read`` returns; the event loop goes on meanwhile."""
    try:
        limiter = _LIMITER.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(_MAX_THREADS)
        _LIMITER.set(limiter)
    return await anyio.to_thread.run_sync(read, limiter=limiter)
