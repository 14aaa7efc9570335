"""The main function of a process that executes runs for a server, one at a time."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from anyio.from_thread import start_blocking_portal
from anyio.lowlevel import EventLoopToken, current_token

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.message_pickle import encode_message
from kedro_asgi.dispatch.executors.process.messages import (
    ExecutionReply,
    ExecutionRequest,
    MessagePipe,
    ProcessOpened,
    ProcessSetup,
    RecordLogged,
    ShutDown,
)
from kedro_asgi.dispatch.executors.run_attempt import RunAttempt
from kedro_asgi.dispatch.executors.sendable_values import plain_record, sendable
from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import RunStoppedError, UnsendableValueError, error_type
from kedro_asgi.events import Event
from kedro_asgi.outcome import Outcome
from kedro_asgi.run_context import CURRENT_NODE
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, Chunk, ChunkStream
from kedro_asgi.runner.messages import LogMessage
from kedro_asgi.runner.process_state import ProcessState
from kedro_asgi.runner.stopping import StopSignal
from kedro_asgi.runner.worker_logs import forward_logs
from kedro_asgi.runner.worker_signals import ignore_signals
from kedro_asgi.runs import RunId, RunSpec
from kedro_asgi.session.event_loop import call_soon
from kedro_asgi.tracing.activation import continue_trace
from kedro_asgi.tracing.sdk import flush_spans, set_up_inherited_sdk

_PR_SET_PDEATHSIG = 1
# From -1000, never, to 1000, first.
_OOM_SCORE = "500"


def serve_runs(setup: ProcessSetup, state: ProcessState, pipe: MessagePipe, stops: Connection) -> None:
    """Execute runs until the server asks this process to end, or ends itself; ``state`` is the server's.

    The process leads a group of its own: the server kills the group, with the programs that nodes have started.
    """
    os.setpgid(0, 0)
    _end_with_parent()
    _end_before_parent()
    state.apply()
    ignore_signals()
    # Node code may write to a terminal whose foreground is the server.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    with start_blocking_portal(setup.backend) as portal:
        server = _RunServer(setup, pipe, portal.call(current_token))
        signal.signal(signal.SIGTERM, server.receive_signal)
        threading.Thread(target=server.receive_stops, args=(stops,), name="kedro-asgi-stops", daemon=True).start()
        forward_logs(server.send_log)
        # The server has gone; or it stops a run that has ended a moment ago.
        with suppress(EOFError, BrokenPipeError, ConnectionResetError, RunStoppedError):
            set_up_inherited_sdk()
            server.open()
            state.filter_warnings()
            server.serve()
            flush_spans()


def _end_with_parent() -> None:
    """Have Linux kill this process when its parent ends: a node that holds the GIL would hold up our own thread.

    Linux means the thread that started this process, which lasts as long as the process.
    """
    parent = parent_process()
    if sys.platform == "linux" and parent is not None and parent.pid == os.getppid():
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_before_parent() -> None:
    """Have Linux end this process, and not its server, when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)


class _ProcessChunks(ChunkStream):
    """Sends the chunks of a run to the server, as JSON; the pipe is full while their reader is too slow."""

    def __init__(self, names: frozenset[str], server: "_RunServer") -> None:
        super().__init__(names, convert=encode_output)
        self._server = server

    def _give(self, chunk: Chunk) -> None:
        self._server.send_chunk(chunk)

    def release(self) -> None:
        """Do nothing: the server reads on when the run is to stop."""


class _RunServer:
    """Executes runs in the main thread, where SIGTERM interrupts them; other threads only pass stop requests on."""

    def __init__(self, setup: ProcessSetup, pipe: MessagePipe, loop: EventLoopToken) -> None:
        self._setup = setup
        self._pipe = pipe
        self._loop = loop
        # Held to send, and to change the run that is executed: nothing of a run follows its reply.
        self._lock = threading.RLock()
        self._run_id: RunId | None = None
        self._stop = StopSignal()
        self._early_stops: dict[RunId, RunStoppedError] = {}
        self._is_terminated = False
        self._is_sending_chunk = False

    def open(self) -> None:
        """Open the project; each run fails with the error of that, if there is one."""
        self._session = Outcome.of(self._setup.create)
        self._send(encode_message(ProcessOpened(is_broken=self._session.error is not None)))

    def serve(self) -> None:
        """Execute runs, then close the session."""
        while not self._is_terminated:
            match self._pipe.receive():
                case ExecutionRequest() as request:
                    self._send_reply(request, self._executed(request))
                case ShutDown():
                    break
        if self._session.error is None:
            self._session.value().close()

    # --- a run ---

    def _executed(self, request: ExecutionRequest) -> Execution:
        work: Callable[[], Execution] = partial(copy_context().run, partial(self._execute, request))
        if not (self._session.error is None and self._session.value().engine.needs_own_threads):
            return work()
        executions: list[Execution] = []
        thread = threading.Thread(target=lambda: executions.append(work()), daemon=True)
        thread.start()
        try:
            thread.join()
        except RunStoppedError:
            # The thread may never end.
            os._exit(1)
        return executions[0]

    def _execute(self, request: ExecutionRequest) -> Execution:
        self._begin(request.run_id)
        CHUNK_STREAM.set(_ProcessChunks(request.streamed, self) if request.streamed else None)
        continue_trace(request.trace_context)
        return self._attempt(request).execute()

    def _attempt(self, request: ExecutionRequest) -> RunAttempt:
        return RunAttempt(
            run_id=request.run_id,
            read_spec=lambda: self._received_order()(),
            find_session=self._session.value,
            convert=self._setup.convert,
            emit=self._emit,
            stop=self._stop,
            loop=self._loop,
            full_tracebacks=self._setup.full_tracebacks,
        )

    def _received_order(self) -> Callable[[], RunSpec]:
        """Return what follows a request; raises `UnsendableValueError` where its values cannot be restored here."""
        try:
            read_spec: Callable[[], RunSpec] = self._pipe.receive()
        except (EOFError, OSError):
            raise
        except Exception as error:  # whatever modules raise when they are imported
            raise UnsendableValueError("A value of the run", f"{error_type(error)}: {error}") from error
        return read_spec

    def _begin(self, run_id: RunId) -> None:
        with self._lock:
            self._stop = StopSignal()
            self._run_id = run_id
            if (reason := self._early_stops.pop(run_id, None)) is not None:
                self._stop.stop(reason)

    def _send_reply(self, request: ExecutionRequest, execution: Execution) -> None:
        is_last = self._is_terminated or self._session.error is not None
        reply = ExecutionReply(execution=sendable(execution), is_last=is_last)
        try:
            parts = encode_message(reply)
        except Exception as problem:  # whatever values of a project's own `convert` raise
            error = self._attempt(request).report(UnsendableValueError("An output", str(problem)))
            parts = encode_message(ExecutionReply(execution=Execution(error=error), is_last=is_last))
        with self._lock:
            self._run_id = None
            self._pipe.send(parts)

    # --- any thread ---

    def _send(self, parts: list[Any]) -> None:
        with self._lock:
            self._pipe.send(parts)

    def _emit(self, event: Event) -> None:
        with self._lock:
            if event.run_id == self._run_id:
                self._pipe.send_event(event)

    def send_chunk(self, chunk: Chunk) -> None:
        """Send what a generator node has yielded; waits while the server has no room. Raises the reason of a stop."""
        with self._lock:
            if self._run_id is not None:
                self._is_sending_chunk = True
                self._pipe.send_chunk(chunk)
                self._is_sending_chunk = False
        if self._stop.reason is not None:
            raise self._stop.reason

    def send_log(self, message: LogMessage) -> None:
        """Send a record that was logged during a run."""
        logged = RecordLogged(record=plain_record(message.record), node=CURRENT_NODE.get())
        with self._lock:
            if self._run_id is not None:
                self._pipe.send_record(logged)

    # --- stopping ---

    def receive_stops(self, stops: Connection) -> None:
        """Pass the server's stop requests on to runs; kill this process when the server has gone."""
        try:
            while True:
                run_id, reason = stops.recv()
                self._request_stop(run_id, reason)
        except (EOFError, OSError):
            os.killpg(0, signal.SIGKILL)

    def _request_stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        with self._lock:
            if run_id == self._run_id:
                call_soon(self._loop, partial(self._stop.stop, reason))
            else:
                self._early_stops = {run_id: reason}

    def receive_signal(self, number: int, frame: FrameType | None) -> None:
        """Raise the reason in a run that was asked to stop, so that ``finally`` blocks are left and hooks are called.

        Signals from elsewhere do nothing, such as those of a service manager.
        """
        reason = self._stop.reason
        if self._run_id is not None and reason is not None and not self._is_terminated:
            self._is_terminated = True
            # A chunk fills the pipe, and must not be cut: its thread raises the reason when all of it is sent.
            if not self._is_sending_chunk:
                raise reason
