"""Work in a thread that nothing waits for."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TypeVar

import anyio
from anyio.lowlevel import current_token

from kedro_asgi.session.event_loop import call_soon

T = TypeVar("T")


async def run_in_daemon_thread(work: Callable[[], T]) -> T:
    """Return the result of ``work``, which must raise nothing, from a thread of its own.

    A caller that is cancelled leaves the thread alone, and so does the interpreter at its end. So an import that hangs
    holds up neither.
    """
    loop, ended = current_token(), anyio.Event()
    results: list[T] = []

    def execute() -> None:
        results.append(work())
        call_soon(loop, ended.set)

    start_daemon_thread(execute)
    await ended.wait()
    return results[0]


def start_daemon_thread(work: Callable[[], object]) -> None:
    """Do ``work`` in a thread of its own, in a copy of this context."""
    threading.Thread(target=partial(copy_context().run, work), name="kedro-asgi-work", daemon=True).start()
