"""One worker process, as its parent sees it."""

import contextlib
import time
from collections.abc import Iterable
from multiprocessing.connection import wait
from multiprocessing.context import DefaultContext, ForkContext, ForkServerContext, SpawnContext

from kedro_asgi.errors import WorkerDiedError
from kedro_asgi.pipeline import Node
from kedro_asgi.runner.messages import END, Answer, Chunk, Said, unpacked
from kedro_asgi.runner.worker_logs import log_levels, retell
from kedro_asgi.runner.worker_main import Prepare, serve
from kedro_asgi.runner.worker_signals import signals_held

Context = DefaultContext | ForkContext | ForkServerContext | SpawnContext

_SECONDS_TO_END = 5.0
_SECONDS_TO_HEAR = 0.5


class Worker:
    """A process that makes calls, one at a time, and the way to it. One thread at a time may use it."""

    def __init__(self, context: Context, prepare: Prepare | None) -> None:
        self._pipe, there = context.Pipe()
        self._has_answered = False
        self._is_free = True
        self._process = context.Process(
            target=serve, args=(there, self._pipe, prepare, log_levels()), name="kedro-asgi-worker"
        )
        with signals_held():
            self._process.start()
        there.close()

    @property
    def is_free(self) -> bool:
        """Whether the process is alive and its last call was answered."""
        # Each knows what the other does not: is_alive() is true for ever of a process that somebody else waited for,
        # and the sentinel is held by processes that it forked.
        has_ended = not self._process.is_alive() or wait([self._process.sentinel], timeout=0)
        return self._is_free and not has_ended

    def ask(self, data: bytes, node: Node) -> Chunk | Answer:
        """Send a call of ``node``, or what a generator waits for, and return what comes back.

        What is logged meanwhile is logged here. Raises `WorkerDiedError`, and `UnreadableResultError`.
        """
        self._is_free = False
        try:
            self._pipe.send_bytes(data)
            message = unpacked(self._pipe.recv_bytes(), node)
            while isinstance(message, Said):
                retell(message)
                message = unpacked(self._pipe.recv_bytes(), node)
        except (EOFError, OSError) as error:
            raise self._death(node) from error
        self._has_answered = True
        self._is_free = isinstance(message, Answer)
        return message

    def kill(self) -> None:
        """End the process at once, whatever it is doing; who waits for its answer gets `WorkerDiedError`."""
        self._process.kill()

    def say_end(self) -> None:
        """Ask the process to end."""
        with contextlib.suppress(OSError):
            self._pipe.send_bytes(END)

    def wait_for_end(self) -> None:
        """Wait for the process to end, and kill it if it takes long."""
        self._process.join(_SECONDS_TO_END if self._is_free else 0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()

    def _death(self, node: Node) -> WorkerDiedError:
        self._process.join(_SECONDS_TO_END)
        until = time.monotonic() + _SECONDS_TO_HEAR
        # A thread that starts a process asks after all others: it may know this one's end, and be about to note it.
        while self._process.exitcode is None and time.monotonic() < until:
            time.sleep(0.001)
        return WorkerDiedError(node.name, exit_code=self._process.exitcode, was_ready=self._has_answered)


def end_all(workers: Iterable[Worker]) -> None:
    """End all ``workers``: first say so to each, then wait for each."""
    ending = list(workers)
    for worker in ending:
        worker.say_end()
    for worker in ending:
        worker.wait_for_end()
