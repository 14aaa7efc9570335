"""The event loop of a worker of the cluster, on which it awaits ``async`` nodes."""

import threading
from functools import lru_cache
from queue import SimpleQueue

import anyio
from anyio.lowlevel import EventLoopToken, current_token


@lru_cache(maxsize=1)
def worker_loop() -> EventLoopToken:
    """Return the loop, which starts with the first ``async`` node and ends with the process."""
    started: SimpleQueue[EventLoopToken] = SimpleQueue()
    # A daemon: the interpreter would wait for another thread, and the worker would not end.
    threading.Thread(target=anyio.run, args=(_serve, started), name="kedro-asgi-cluster-loop", daemon=True).start()
    return started.get()


async def _serve(started: "SimpleQueue[EventLoopToken]") -> None:
    started.put(current_token())
    await anyio.sleep_forever()
