"""Into an event loop from other threads, and tasks on it that nobody waits for."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from anyio.lowlevel import EventLoopToken


def call_soon(loop: EventLoopToken, call: Callable[[], None]) -> None:
    """Have ``call`` called on ``loop``, from any thread, without waiting; nothing happens if the loop has ended."""
    native: Any = loop.native_token
    try:
        schedule = getattr(native, "call_soon_threadsafe", None) or native.run_sync_soon
        schedule(call)
    except RuntimeError:
        # The loop closed between two looks at it; whoever waited on it is gone too.
        return


def has_ended(loop: EventLoopToken) -> bool:
    """Whether a loop was closed over its tasks, as only asyncio allows: they find no end then."""
    native = loop.native_token
    return isinstance(native, asyncio.AbstractEventLoop) and native.is_closed()


def start_task(loop: EventLoopToken, work: Callable[[], Coroutine[Any, Any, None]]) -> object:
    """Start ``work`` as a task of the running loop itself; keep what is returned as long as it should live."""
    if isinstance(loop.native_token, asyncio.AbstractEventLoop):
        return asyncio.get_running_loop().create_task(work())
    # Whoever runs the loop of trio has imported it.
    return sys.modules["trio"].lowlevel.spawn_system_task(work)
