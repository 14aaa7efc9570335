"""A process that executes runs, as the server uses it: one thread of the server talks to it."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.child_process import ChildProcess
from kedro_asgi.dispatch.executors.given_run import GivenRun
from kedro_asgi.dispatch.executors.process_main import Opening
from kedro_asgi.dispatch.executors.process_messages import (
    ExecutionReply,
    ExecutionRequest,
    ProcessOpened,
    RecordLogged,
    encode_message,
)
from kedro_asgi.dispatch.executors.run_replies import NodesAtWork, log_safely, unsendable_error
from kedro_asgi.dispatch.executors.shared_file import Buffer
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.dispatch.run_logging import LINE_EMITTER
from kedro_asgi.errors import NoProcessError, RunCrashedError, RunStoppedError, UnsendableValueError, error_type
from kedro_asgi.events import Event
from kedro_asgi.failures import note_node
from kedro_asgi.run_context import CURRENT_NODE, CURRENT_RUN
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

    def __init__(self, opening: Opening, owner: ProcessOwner) -> None:
        self._opening = opening
        self._owner = owner
        self._runs: SimpleQueue[GivenRun | None] = SimpleQueue()
        self._process: ChildProcess | None = None
        self._start_problem = ""
        self._is_open = False
        self._is_usable = True
        self._is_killed = False
        self._stop_reason: RunStoppedError | None = None
        self._kill_reason: Callable[[str | None], Exception] | None = None
        self.run: GivenRun | None = None
        """The run that the process has."""
        self.count = 0
        """How many runs the process was given."""
        self.free_since = 0.0
        """When its last run ended, on the monotonic clock."""
        threading.Thread(target=self._serve, name=_THREAD_NAME, daemon=True).start()

    @property
    def pid(self) -> int | None:
        """The id of the process, once it has started."""
        return None if self._process is None else self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process may still take a run."""
        process = self._process
        return not self._is_killed and (process is None or process.is_alive)

    def executes(self, run_id: RunId) -> bool:
        """Whether the process has this run."""
        run = self.run
        return run is not None and run.run_id == run_id

    # --- for the owner and for its watch ---

    def give(self, run: GivenRun) -> None:
        """Have a run executed; the process has none."""
        self.run, self._stop_reason, self.count = run, None, self.count + 1
        self._runs.put(run)

    def request_stop(self, reason: RunStoppedError) -> None:
        """Ask the run to stop before its next node, and where a node awaits."""
        self._stop_reason = reason
        self._release_chunks()
        if self.run is not None and self._process is not None:
            self._process.request_stop(self.run.run_id, reason)

    def terminate(self) -> None:
        """Interrupt what the process does."""
        if self._process is not None:
            self._process.terminate()

    def kill(self, reason: Callable[[str | None], Exception] | None = None) -> None:
        """Kill the process and the programs that it started; ``reason`` makes the error of its run from its node."""
        self._kill_reason = self._kill_reason or reason
        self._is_killed = True
        self._release_chunks()
        if self._process is not None and self._process.is_alive:
            self._process.kill()

    def retire(self) -> None:
        """Let the process end; it has no run."""
        self._runs.put(None)

    def _release_chunks(self) -> None:
        """Let the thread not wait for the reader of the run: the process cannot stop while its pipe is full."""
        run = self.run
        if run is not None and (stream := run.context.get(CHUNK_STREAM)) is not None:
            stream.release()

    # --- in the thread ---

    def _serve(self) -> None:
        has_run = True
        try:
            self._process = process = ChildProcess(self._opening)
            if self._is_killed:
                process.kill()
            opened: ProcessOpened = process.receive()
            self._is_open = True
            self._owner.process_opened(self, is_broken=opened.is_broken)
        except Exception as problem:  # whatever the system refuses, or the values of the session and of `convert` raise
            self._start_problem = str(problem)
            has_run = self._owner.process_failed(self)
        while has_run and (run := self._runs.get()) is not None:
            execution = run.context.run(self._execute, run)
            has_run = self._owner.run_ended(self, is_usable=self._is_usable)
            run.ended(execution)
            # A thread that waits must not keep its last run alive.
            del run, execution
        if self._process is not None:
            self._process.end(is_usable=self._is_usable)
        self._owner.process_ended(self)

    def _execute(self, run: GivenRun) -> Execution:
        # The context is the run's own, so that nothing is set back.
        LINE_EMITTER.set((run.run_id, run.emit))
        CURRENT_RUN.set((run.run_id, run.pipeline_names))
        if self._process is None:
            return Execution(error=report_failure(run.run_id, NoProcessError(self._start_problem)))
        try:
            order = encode_message(run.read_spec)
        except Exception as problem:  # whatever values of a caller raise
            return Execution(error=report_failure(run.run_id, unsendable_error(run.read_spec, problem)))
        return self._execute_in(self._process, run, order)

    def _execute_in(self, process: ChildProcess, run: GivenRun, order: list[Buffer]) -> Execution:
        nodes, stream = NodesAtWork(), CHUNK_STREAM.get()
        streamed = frozenset[str]() if stream is None else stream.names
        try:
            request = ExecutionRequest(run_id=run.run_id, streamed=streamed, trace_context=current_trace_headers())
            process.send(encode_message(request))
            process.send(order)
            del order
            execution = self._receive_reply(process, run, nodes)
        except (OSError, EOFError):
            return self._describe_crash(process, run, nodes)
        except Exception as problem:  # a message that is cut, or that a class of the project does not restore here
            self.kill()
            self._describe_crash(process, run, nodes)
            error = UnsendableValueError("A message of the process", f"{error_type(problem)}: {problem}")
            return Execution(error=report_failure(run.run_id, error))
        self._end_nodes(run, nodes)
        return execution

    def _receive_reply(self, process: ChildProcess, run: GivenRun, nodes: NodesAtWork) -> Execution:
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
                    nodes.note(event)
                    run.emit(event)

    def _describe_crash(self, process: ChildProcess, run: GivenRun, nodes: NodesAtWork) -> Execution:
        """Return why a run has no end of its own: it was stopped, or its process has ended."""
        self._is_usable = False
        is_cut_off = not process.ends_soon()
        process.kill_group()
        exit_code = process.exit_code()
        self._end_nodes(run, nodes)
        at_work = nodes.first
        if self._kill_reason is not None:
            error = self._kill_reason(at_work)
        elif self._stop_reason is not None:
            return Execution()
        else:
            error = RunCrashedError(exit_code=exit_code, node=at_work, was_ready=self._is_open, is_cut_off=is_cut_off)
        if at_work is not None:
            note_node(error, at_work)
        seconds = run.retry_after_seconds(error)
        return Execution(error=report_failure(run.run_id, error), has_crashed=True, retry_after_seconds=seconds)

    def _end_nodes(self, run: GivenRun, nodes: NodesAtWork) -> None:
        """Emit the ends of nodes that were killed or interrupted."""
        is_cancelled = self._stop_reason is not None and self._kill_reason is None
        nodes.end(run.run_id, run.emit, is_cancelled=is_cancelled)
