"""A listening socket that several server processes share."""

import asyncio
import logging
import select
import socket
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

from kedro_asgi.cli.connection_counts import ConnectionCounts

_log = logging.getLogger("uvicorn.error")

# How long a connection waits at most for a process that has fewer, whose loop may wait for the interpreter's lock, and
# how often this process looks meanwhile.
_GIVE_WAY_SECONDS = 0.02
_LOOK_SECONDS = 0.001
# After each wait in vain, twice as many connections do not wait: the other process may be paused.
_MAX_DOUBLINGS = 10
# How long a process that may open no more files waits until some are closed.
_PAUSE_SECONDS = 1.0


class SharedListener:
    """Accepts connections so that the processes which share a socket have equally many.

    asyncio and uvloop accept all connections that wait: of 32 that a client opened together, one process got all, and
    the other was idle. Here a process accepts one in a turn of its event loop, and leaves it to others for a moment if
    one of them has fewer. ``count`` returns how many this process has.
    """

    def __init__(
        self,
        shared: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        *,
        ssl: SSLContext | None,
        counts: ConnectionCounts,
        index: int,
        count: Callable[[], int],
    ) -> None:
        self.sockets = (shared,)
        self._socket = shared
        self._protocol = protocol
        self._ssl = ssl
        self._counts = counts
        self._index = index
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._starting: set[asyncio.Task[Any]] = set()
        self._waits_in_vain = 0
        self._exempt = 0
        self._is_closed = False

    def listen(self, *, backlog: int) -> None:
        """Begin to accept connections."""
        self._socket.setblocking(False)
        self._socket.listen(backlog)
        self.publish()
        self._loop.add_reader(self._socket, self._notice)

    def publish(self) -> int:
        """Tell the other processes how many connections this one has, and return it."""
        count = self._count() + len(self._starting)
        if not self._is_closed:
            self._counts.publish(self._index, count)
        return count

    def close(self) -> None:
        """Accept no more; other processes still do."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._socket)
            self._counts.withdraw(self._index)

    async def wait_closed(self) -> None:
        """Wait for nothing: the server itself waits for its connections."""

    def _notice(self) -> None:
        """Accept the connection that has come, or leave it to others for a moment."""
        if self._exempt:
            self._exempt -= 1
            self._accept()
        elif self._has_more_than_others():
            self._loop.remove_reader(self._socket)
            self._loop.call_later(_LOOK_SECONDS, self._give_way, self._loop.time() + _GIVE_WAY_SECONDS)
        else:
            self._accept()

    def _give_way(self, until: float) -> None:
        """Wait until another process takes the connection, until no process has fewer, or until the time is over."""
        if self._is_closed:
            return
        is_taken = not select.select([self._socket], [], [], 0)[0]
        has_more = self._has_more_than_others()
        if not is_taken and has_more and self._loop.time() < until:
            self._loop.call_later(_LOOK_SECONDS, self._give_way, until)
            return
        self._waits_in_vain = min(self._waits_in_vain + 1, _MAX_DOUBLINGS) if has_more and not is_taken else 0
        self._exempt = 2**self._waits_in_vain - 1
        self._loop.add_reader(self._socket, self._notice)
        if not is_taken:
            self._accept()

    def _has_more_than_others(self) -> bool:
        return self._counts.is_any_below(self.publish())

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            # Another process was faster, or the client has gone.
            return
        except OSError as error:
            _log.error("Cannot accept a connection: %s", error)
            self._loop.remove_reader(self._socket)
            self._loop.call_later(_PAUSE_SECONDS, self._resume)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection, ssl=self._ssl))
        self._starting.add(task)
        task.add_done_callback(self._started)
        self.publish()

    def _resume(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._socket, self._notice)

    def _started(self, task: asyncio.Task[Any]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The client speaks no TLS, or has gone.
            _log.debug("A connection could not be started: %s", error)
