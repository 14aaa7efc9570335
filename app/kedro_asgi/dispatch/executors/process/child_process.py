"""A child process of the server: how it starts, what goes to it and comes from it, and how it ends."""

import multiprocessing
import os
import select
import signal
from contextlib import suppress
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

from kedro_asgi.dispatch.executors.message_pickle import Buffer, encode_message
from kedro_asgi.dispatch.executors.process.main import serve_runs
from kedro_asgi.dispatch.executors.process.messages import MessagePipe, ProcessSetup, ShutDown
from kedro_asgi.dispatch.executors.process.shared_file import SharedFile
from kedro_asgi.errors import RunStoppedError
from kedro_asgi.runner.process_ends import SHUTDOWN_SECONDS, ends_soon, wait_for_exit_code
from kedro_asgi.runner.process_state import ProcessState
from kedro_asgi.runner.worker_signals import signals_blocked
from kedro_asgi.runs import RunId

_NAME = "kedro-asgi-run"


class ChildProcess:
    """A process that executes `serve_runs`; it starts when this is made, which raises what the system refuses.

    One thread sends and receives; any thread may stop, interrupt and kill.
    """

    def __init__(self, setup: ProcessSetup) -> None:
        context = _start_method()
        requests, replies = SharedFile.create(), SharedFile.create()
        connection, theirs = context.Pipe()
        stops, self._stops = context.Pipe(duplex=False)
        self._pipe = MessagePipe(connection, outgoing=requests, incoming=replies)
        their_pipe = MessagePipe(theirs, outgoing=replies, incoming=requests)
        arguments = (setup, ProcessState.current(), their_pipe, stops)
        self._process = context.Process(target=serve_runs, args=arguments, name=_NAME)
        try:
            with signals_blocked():
                self._process.start()
        except BaseException:
            self._close()
            raise
        finally:
            theirs.close()
            stops.close()
        assert self._process.pid is not None
        self.pid = self._process.pid
        self._exit_fd = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        if self._exit_fd is not None:
            self._readable.register(self._exit_fd, select.POLLIN)

    @property
    def is_alive(self) -> bool:
        """Whether the process goes on."""
        return self._process.exitcode is None

    # --- messages: they raise `OSError` or `EOFError` when the process has ended ---

    def send(self, parts: list[Buffer]) -> None:
        """Send a message that `encode_message` has encoded."""
        self._pipe.send(parts)

    def receive(self) -> Any:
        """Wait for a message.

        Programs that a node forked hold the pipe too, so its end does not tell that the process has ended.
        """
        if self._exit_fd is not None and [fd for fd, _ in self._readable.poll()] == [self._exit_fd]:
            raise EOFError("the process has ended")
        return self._pipe.receive()

    def request_stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        """Ask a run to stop before its next node, and where a node awaits."""
        with suppress(OSError):
            self._stops.send((run_id, reason))

    # --- the end ---

    def terminate(self) -> None:
        """Interrupt what the process does."""
        self._process.terminate()

    def kill(self) -> None:
        """Kill the process and the programs that it started."""
        self.kill_group()
        self._process.kill()

    def kill_group(self) -> None:
        """Kill the programs that the process started, also if it has ended by itself."""
        # The process leads a group of its own a moment after its start.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def ends_soon(self) -> bool:
        """Wait a moment for the end of a process whose pipe has ended; false if only its pipe has."""
        return ends_soon(self._process)

    def exit_code(self) -> int | None:
        """Wait for the end of a process that is about to end, and return its exit code; ``None`` if it is unknown."""
        return wait_for_exit_code(self._process)

    def end(self, *, is_usable: bool) -> None:
        """End the process: if it is usable, it may finish first what libraries do at the end of a process.

        Else the programs that it started end with it.
        """
        with suppress(OSError):
            self._pipe.send(encode_message(ShutDown()))
        self._process.join(SHUTDOWN_SECONDS if is_usable else 0)
        if self.is_alive or not is_usable:
            self.kill()
            self._process.join()
        self._close()
        if self._exit_fd is not None:
            os.close(self._exit_fd)

    def _close(self) -> None:
        self._pipe.close()
        self._stops.close()


def _start_method() -> SpawnContext | ForkServerContext:
    """Return the start method: never fork, since the threads of a server hold locks that no child would release."""
    if os.environ.get("KEDRO_MP_CONTEXT") == "forkserver":
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")
