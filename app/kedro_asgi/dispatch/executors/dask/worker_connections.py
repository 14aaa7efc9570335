"""The connections of a server with the workers of a Dask cluster that have its runs."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from distributed.comm.core import connect

from kedro_asgi.dispatch.executors.dask.channel import Channel
from kedro_asgi.dispatch.executors.dask.messages import (
    FROM_WORKER,
    HANDLER,
    LAST_SECONDS,
    FromWorker,
    Greeting,
    Message,
    plain,
)
from kedro_asgi.dispatch.executors.message_pickle import Buffer
from kedro_asgi.dispatch.safe_logging import SafeLogger

_log = SafeLogger(__name__)

_CONNECT_SECONDS = 10.0


class WorkersOwner(Protocol):
    """Gets what workers send."""

    def message_received(self, worker: str, message: FromWorker, parts: list[Buffer]) -> None:
        """A worker has sent a message."""

    def worker_lost(self, worker: str, *, is_silent: bool) -> None:
        """The connection with a worker has ended; ``is_silent``: the scheduler may still take the worker for alive."""


class WorkerConnections:
    """One connection for each worker that has asked for one; belongs to the event loop that talks to the cluster."""

    def __init__(
        self, owner: WorkersOwner, *, greeting: Callable[[], Greeting], connection_args: Callable[[], dict[str, Any]]
    ) -> None:
        self._owner = owner
        self._greeting = greeting
        self._connection_args = connection_args
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._channels: dict[str, Channel[FromWorker]] = {}

    def connect(self, worker: str) -> None:
        """Connect with a worker, unless that has been done."""
        if worker not in self._tasks:
            self._tasks[worker] = asyncio.get_running_loop().create_task(self._serve(worker))

    def send(self, worker: str, message: Message, parts: list[Buffer] | None = None) -> None:
        """Send a message to a worker; does nothing if the worker is gone."""
        if (channel := self._channels.get(worker)) is not None:
            channel.put(message, parts or ())

    async def close(self) -> None:
        """End all connections: the workers stop the runs of this server."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, worker: str) -> None:
        greeting = self._greeting()
        connect_to: Any = connect
        comm: Any = None
        try:
            comm = await connect_to(worker, timeout=_CONNECT_SECONDS, **self._connection_args())
            await comm.write({"op": HANDLER, "greeting": plain(greeting), "reply": False})
            channel = Channel(
                comm,
                FROM_WORKER,
                # The worker gives up first: by then, nothing of its runs goes on.
                silence_seconds=greeting.silence_seconds + greeting.ping_seconds + 2 * LAST_SECONDS,
                ping_seconds=greeting.ping_seconds,
            )
            self._channels[worker] = channel
            await channel.serve(partial(self._owner.message_received, worker))
        except OSError as error:
            _log.warning("The Dask worker %s cannot be reached: %s", worker, error)
        finally:
            if comm is not None:
                comm.abort()
            del self._tasks[worker]
            if (lost := self._channels.pop(worker, None)) is not None:
                self._owner.worker_lost(worker, is_silent=lost.is_silent)
