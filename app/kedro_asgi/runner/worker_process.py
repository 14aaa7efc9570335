"""A worker process, as its parent uses it."""

import contextlib
from collections.abc import Iterable
from multiprocessing.connection import wait
from multiprocessing.context import DefaultContext, ForkContext, ForkServerContext, SpawnContext

from kedro_asgi.errors import WorkerDiedError
from kedro_asgi.pipeline import Node
from kedro_asgi.runner.messages import SHUT_DOWN, GeneratorChunk, LogMessage, Response, decode_message
from kedro_asgi.runner.process_ends import SHUTDOWN_SECONDS, wait_for_exit_code
from kedro_asgi.runner.process_state import ProcessState
from kedro_asgi.runner.worker_logs import log_here
from kedro_asgi.runner.worker_main import Prepare, serve
from kedro_asgi.runner.worker_signals import signals_blocked

Context = DefaultContext | ForkContext | ForkServerContext | SpawnContext


class WorkerProcess:
    """A process that calls nodes, one at a time. One thread at a time may use it."""

    def __init__(self, context: Context, prepare: Prepare | None) -> None:
        self._pipe, worker_end = context.Pipe()
        self._has_responded = False
        self._is_free = True
        self._process = context.Process(
            target=serve, args=(worker_end, self._pipe, prepare, ProcessState.current()), name="kedro-asgi-worker"
        )
        with signals_blocked():
            self._process.start()
        worker_end.close()

    @property
    def is_free(self) -> bool:
        """Whether the process is alive and has responded to its last request."""
        # Both are needed: is_alive() stays true where other code waited for the process, and a process that it forked
        # holds the sentinel.
        has_ended = not self._process.is_alive() or wait([self._process.sentinel], timeout=0)
        return self._is_free and not has_ended

    def request(self, *parts: bytes, node: Node) -> GeneratorChunk | Response:
        """Send a request for ``node``, which has one part or two, and return the response to it.

        Records that the process logs meanwhile are logged here. Raises `WorkerDiedError`, and `UnreadableResultError`.
        """
        self._is_free = False
        try:
            for part in parts:
                self._pipe.send_bytes(part)
            message = decode_message(self._pipe.recv_bytes(), node)
            while isinstance(message, LogMessage):
                log_here(message)
                message = decode_message(self._pipe.recv_bytes(), node)
        except (EOFError, OSError) as error:
            raise self._died_error(node) from error
        self._has_responded = True
        self._is_free = isinstance(message, Response)
        return message

    def kill(self) -> None:
        """Kill the process; a thread that waits for its response gets `WorkerDiedError`."""
        self._process.kill()

    def request_shutdown(self) -> None:
        """Ask the process to shut down."""
        with contextlib.suppress(OSError):
            self._pipe.send_bytes(SHUT_DOWN)

    def join(self) -> None:
        """Wait for the process to end, and kill it if that takes long."""
        self._process.join(SHUTDOWN_SECONDS if self._is_free else 0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()

    def _died_error(self, node: Node) -> WorkerDiedError:
        return WorkerDiedError(node.name, exit_code=wait_for_exit_code(self._process), was_ready=self._has_responded)


def shut_down(workers: Iterable[WorkerProcess]) -> None:
    """Shut down all ``workers``: first ask each, then wait for each."""
    leaving = list(workers)
    for worker in leaving:
        worker.request_shutdown()
    for worker in leaving:
        worker.join()
