"""A process that executes runs, as the server uses it: one thread of the server talks to it."""

import threading
from queue import SimpleQueue
from typing import Protocol

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.message_pickle import Buffer, encode_message
from kedro_asgi.dispatch.executors.process.child_process import ChildProcess
from kedro_asgi.dispatch.executors.process.messages import (
    ExecutionReply,
    ExecutionRequest,
    ProcessOpened,
    ProcessSetup,
    RecordLogged,
)
from kedro_asgi.dispatch.executors.process.run import ProcessRun
from kedro_asgi.dispatch.executors.run_replies import log_safely, unsendable_error
from kedro_asgi.errors import NoProcessError, RunStoppedError, UnsendableValueError, error_type
from kedro_asgi.events import Event
from kedro_asgi.run_context import CURRENT_NODE
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, Chunk
from kedro_asgi.runs import RunId
from kedro_asgi.trace_context import current_trace_headers

_THREAD_NAME = "kedro-asgi-run"


class ProcessOwner(Protocol):
    """Learns what becomes of a process, from its thread."""

    def process_opened(self, process: "RunProcess", *, is_broken: bool) -> None:
        """The process executes runs from now on; each fails if ``is_broken``, since the project cannot be opened."""

    def run_ended(self, process: "RunProcess", *, is_usable: bool) -> bool:
        """A run has ended; tell whether the process is to wait for another one."""

    def process_failed(self, process: "RunProcess") -> bool:
        """The process did not start, or ended before it was open; tell whether it was given a run."""

    def process_ended(self, process: "RunProcess") -> None:
        """The process has ended."""


class RunProcess:
    """One process and the thread of the server that starts it, gives it runs, and takes what comes back.

    Any thread may call the methods; they do not wait for the process. ``owner`` gives it one run at a time.
    """

    def __init__(self, setup: ProcessSetup, owner: ProcessOwner) -> None:
        self._setup = setup
        self._owner = owner
        self._runs: SimpleQueue[ProcessRun | None] = SimpleQueue()
        self._process: ChildProcess | None = None
        self._start_problem = ""
        self._is_usable = True
        self._is_killed = False
        self.is_open = False
        """Whether the process has opened the project."""
        threading.Thread(target=self._serve, name=_THREAD_NAME, daemon=True).start()

    @property
    def pid(self) -> int | None:
        """The id of the process, once it has started."""
        return None if self._process is None else self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        process = self._process
        return process is None or process.is_alive

    # --- for the owner and for its watch ---

    def give(self, run: ProcessRun) -> None:
        """Have a run executed; the process has none."""
        self._runs.put(run)

    def request_stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        """Ask a run to stop before its next node, and where a node awaits; the process ignores one that it has not."""
        if self._process is not None:
            self._process.request_stop(run_id, reason)

    def terminate(self) -> None:
        """Interrupt what the process does."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """Kill the process and the programs that it started."""
        self._is_killed = True
        if self._process is not None and self._process.is_alive:
            self._process.kill()

    def retire(self) -> None:
        """Let the process end; it has no run."""
        self._runs.put(None)

    # --- in the thread ---

    def _serve(self) -> None:
        has_run = True
        try:
            self._process = process = ChildProcess(self._setup)
            if self._is_killed:
                process.kill()
            opened: ProcessOpened = process.receive()
            self.is_open = not opened.is_broken
            self._owner.process_opened(self, is_broken=opened.is_broken)
        except Exception as problem:  # whatever the system refuses, or the values of the session and of `convert` raise
            self._start_problem = str(problem)
            has_run = self._owner.process_failed(self)
        while has_run and (run := self._runs.get()) is not None:
            execution = run.given.context.run(self._execute, run)
            has_run = self._owner.run_ended(self, is_usable=self._is_usable)
            run.given.ended(execution)
            # A thread that waits must not keep its last run alive.
            del run, execution
        if self._process is not None:
            self._process.end(is_usable=self._is_usable)
        self._owner.process_ended(self)

    def _execute(self, run: ProcessRun) -> Execution:
        run.given.enter()
        if self._process is None:
            return run.fail(NoProcessError(self._start_problem))
        read_spec = run.given.read_spec
        try:
            order = encode_message(read_spec)
        except Exception as problem:  # whatever values of a caller raise
            return run.fail(unsendable_error(read_spec, problem))
        return self._execute_in(self._process, run, order)

    def _execute_in(self, process: ChildProcess, run: ProcessRun, order: list[Buffer]) -> Execution:
        stream = CHUNK_STREAM.get()
        streamed = frozenset[str]() if stream is None else stream.names
        try:
            request = ExecutionRequest(run_id=run.run_id, streamed=streamed, trace_context=current_trace_headers())
            process.send(encode_message(request))
            process.send(order)
            del order
            execution = self._receive_reply(process, run)
        except (OSError, EOFError):
            is_cut_off, exit_code = self._end(process)
            return run.end_crashed(exit_code=exit_code, was_ready=self.is_open, is_cut_off=is_cut_off)
        except Exception as problem:  # a message that is cut, or that a class of the project does not restore here
            self.kill()
            self._end(process)
            run.end_nodes()
            return run.fail(UnsendableValueError("A message of the process", f"{error_type(problem)}: {problem}"))
        run.end_nodes()
        return execution

    def _receive_reply(self, process: ChildProcess, run: ProcessRun) -> Execution:
        stream = CHUNK_STREAM.get()
        while True:
            match process.receive():
                case ExecutionReply(execution=execution, is_last=is_last):
                    self._is_usable = not is_last
                    return execution
                case RecordLogged(record=record, node=node):
                    CURRENT_NODE.set(node)
                    log_safely(record)
                case Chunk() as chunk:
                    assert stream is not None
                    # Waits while the reader is too slow; then the pipe fills, and the process waits.
                    stream.give(chunk)
                case Event() as event:
                    run.take_event(event)

    def _end(self, process: ChildProcess) -> tuple[bool, int | None]:
        """End a process whose pipe has ended, and return whether only the pipe had, and the exit code."""
        self._is_usable = False
        is_cut_off = not process.ends_soon()
        process.kill_group()
        return is_cut_off, process.exit_code()
