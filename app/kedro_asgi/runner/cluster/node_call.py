"""One attempt of a node on the cluster, as a thread of the run waits for it."""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from kedro_asgi.errors import ClusterDataLostError, NodeNotStartedError, RunStoppedError, WorkerDiedError
from kedro_asgi.errors.base import error_type
from kedro_asgi.pipeline import Node
from kedro_asgi.runner.cluster.connection import Connection
from kedro_asgi.runner.cluster.requests import STOP, WITHDRAWN, OutputSaved
from kedro_asgi.runner.messages import GeneratorChunk, LogMessage, Message, Response, decode_message
from kedro_asgi.runner.worker_logs import log_here

# Less than the buffers of sockets hold.
_SMALL_BYTES = 1 << 15

# The state of a task is looked at now and then: a callback of Dask would cost each node a task of its event loop.
_LOOK_SECONDS = 0.1
_ENDED_WITHOUT_START = ("error", "cancelled", "lost")


class NodeWithdrawnError(RunStoppedError):
    """A node waits for a worker no longer, since another one has failed."""


class NodeCall:
    """The one conversation of this process with a worker about a node.

    The thread of the node waits for it. Other threads give it the connection, withdraw the node, or ask it to stop.
    """

    def __init__(self, node: Node, *request: bytes) -> None:
        self._node = node
        self._request = request
        self._is_small = sum(map(len, request)) <= _SMALL_BYTES
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._is_closed = False
        self._is_interrupted = False
        self.is_kept = False
        """Whether the result of the node's task stays on the cluster."""
        self._events: SimpleQueue[Connection | BaseException] = SimpleQueue()

    def keep_result(self) -> None:
        """Note that the result of the node's task stays on the cluster."""
        self.is_kept = True

    def accept(self, connection: Connection) -> None:
        """Take the first connection of a worker; each node is given once.

        Dask runs a task again when it has lost the worker. The first worker may still work, but its result is lost.
        """
        with self._lock:
            if self._connection is None and not self._is_closed:
                self._connection = connection
                self._accept_first(connection)
                return
            is_withdrawn = self._connection is None
            lost = None if self._is_closed else self._connection
        if is_withdrawn:
            with suppress(OSError):  # the worker may have gone
                connection.send(WITHDRAWN)
        connection.close()
        if lost is not None:
            lost.close()

    def _accept_first(self, connection: Connection) -> None:
        """Send a small request at once: it fits into the buffer, and the worker need not wait for another thread."""
        if self._is_small:
            with suppress(OSError):  # the thread of the node finds out
                connection.send(*self._request)
        self._events.put(connection)

    def refuse(self) -> None:
        """Let no worker start the node any more; the thread of the node waits on until it is told why."""
        with self._lock:
            if self._connection is None:
                self._is_closed = True

    def withdraw(self, reason: BaseException) -> None:
        """Raise ``reason`` in the thread of the node, unless a worker has started it."""
        self.refuse()
        if self._connection is None:
            self._events.put(reason)

    def stop(self, reason: BaseException) -> None:
        """Withdraw the node, or ask the worker to stop it."""
        self.withdraw(reason)
        if self._connection is not None:
            with suppress(OSError):  # it ends by itself, or has ended
                self._connection.send(STOP)

    def interrupt(self) -> None:
        """End the conversation; the thread of the node gets ``KeyboardInterrupt``."""
        self._is_interrupted = True
        self.withdraw(KeyboardInterrupt())
        self.close()

    def wait_for_worker(self, task: Any) -> None:
        """Wait until a worker starts the node, and send it the request.

        ``task`` is the node as Dask knows it. Raises why no worker starts it, or `WorkerDiedError`.
        """
        while (event := self._next_event()) is None:
            if task.status in _ENDED_WITHOUT_START:
                raise _task_error(self._node.name, task)
        if not isinstance(event, Connection):
            raise event
        if not self._is_small:
            self.send(*self._request)

    def _next_event(self) -> Connection | BaseException | None:
        with suppress(Empty):
            return self._events.get(timeout=_LOOK_SECONDS)
        return None

    def send(self, *messages: bytes) -> None:
        """Send to the worker; raises `WorkerDiedError`."""
        assert self._connection is not None
        try:
            self._connection.send(*messages)
        except OSError as error:
            raise self._end() from error

    def receive(self, saved: Callable[[str], None] | None = None) -> GeneratorChunk | Response:
        """Wait for a chunk, or for the response; this thread logs what the node logs meanwhile.

        ``saved`` is called with each output that the worker has saved. Raises `WorkerDiedError`.
        """
        while True:
            match self._next_message():
                case LogMessage() as record:
                    log_here(record)
                case OutputSaved(name=name):
                    if saved is not None:
                        saved(name)
                case message:
                    return message

    def _next_message(self) -> Message | OutputSaved:
        assert self._connection is not None
        try:
            data = self._connection.receive()
        except (EOFError, OSError) as error:
            raise self._end() from error
        return decode_message(data, self._node)

    def close(self) -> None:
        """End the conversation."""
        with self._lock:
            self._is_closed = True
        if self._connection is not None:
            self._connection.close()

    def _end(self) -> BaseException:
        if self._is_interrupted:
            return KeyboardInterrupt()
        return WorkerDiedError(self._node.name, exit_code=None, was_ready=True)


def _task_error(node: str, task: Any) -> BaseException:
    error = task.exception()
    if isinstance(error, ClusterDataLostError | NodeNotStartedError):
        return error
    return NodeNotStartedError(node, "its task was lost" if error is None else f"{error_type(error)}: {error}")
