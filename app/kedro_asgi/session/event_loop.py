"""Calls into an event loop from other threads, and tasks on it that no caller waits for."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from anyio.lowlevel import EventLoopToken


class LoopEvent(Protocol):
    """Something that tasks wait for."""

    def set(self) -> None:
        """Let all waiting tasks go on."""

    async def wait(self) -> object:
        """Wait until it is set."""


def call_soon(loop: EventLoopToken, call: Callable[[], None]) -> None:
    """Schedule ``call`` on ``loop``. Thread-safe; does not block, and does nothing if the loop has ended."""
    native: Any = loop.native_token
    try:
        schedule = getattr(native, "call_soon_threadsafe", None) or native.run_sync_soon
        schedule(call)
    except RuntimeError:
        # The loop has closed, and its callers are gone.
        return


def has_ended(loop: EventLoopToken) -> bool:
    """Tell whether a loop was closed before its tasks ended, as only asyncio allows: they never end then."""
    native = loop.native_token
    return isinstance(native, asyncio.AbstractEventLoop) and native.is_closed()


def backend_name(loop: EventLoopToken) -> str:
    """Return the name of the library of ``loop``, as anyio knows it."""
    return "asyncio" if isinstance(loop.native_token, asyncio.AbstractEventLoop) else "trio"


def event_class(loop: EventLoopToken) -> Callable[[], LoopEvent]:
    """Return the class of events of ``loop``; anyio's find out for each event and each wait which loop runs."""
    if isinstance(loop.native_token, asyncio.AbstractEventLoop):
        return asyncio.Event
    made: Callable[[], LoopEvent] = sys.modules["trio"].Event
    return made


def start_task(loop: EventLoopToken, work: Callable[[], Coroutine[Any, Any, None]]) -> object:
    """Start ``work`` as a task of the running loop; the caller keeps the returned object as long as the task lives."""
    if isinstance(loop.native_token, asyncio.AbstractEventLoop):
        return asyncio.get_running_loop().create_task(work())
    # A running trio loop has imported it.
    return sys.modules["trio"].lowlevel.spawn_system_task(work)
