"""The messages that the process of a run sends to a node while it runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from anyio import from_thread

from kedro_asgi.errors import RunStoppedError
from kedro_asgi.runner.cluster.connection import Connection
from kedro_asgi.runner.cluster.requests import STOP
from kedro_asgi.runner.cluster.worker_loop import worker_loop
from kedro_asgi.runner.messages import CLOSE_GENERATOR
from kedro_asgi.runner.stopping import STOP_SIGNAL, StopSignal


class Inbox:
    """Receives in a thread of its own, so that a request to stop reaches a node that awaits something."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stop = StopSignal()
        self._messages: SimpleQueue[bytes] = SimpleQueue()

    @contextmanager
    def open(self) -> Iterator[StopSignal]:
        """Receive while this block lasts; the node of this context stops when it is asked to, or its run has gone."""
        threading.Thread(target=self._receive, name="kedro-asgi-cluster-inbox", daemon=True).start()
        token = STOP_SIGNAL.set(self._stop)
        try:
            yield self._stop
        finally:
            STOP_SIGNAL.reset(token)

    def next(self) -> bytes:
        """Wait for the next message that is no request to stop."""
        return self._messages.get()

    def _receive(self) -> None:
        try:
            while (message := self._connection.receive()) != STOP:
                self._messages.put(message)
        except (EOFError, OSError):
            pass  # the process of the run is gone, or has all it wants
        from_thread.run_sync(self._stop.stop, RunStoppedError(), token=worker_loop())
        self._messages.put(CLOSE_GENERATOR)
