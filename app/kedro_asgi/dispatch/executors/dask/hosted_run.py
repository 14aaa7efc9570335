"""One run that a Dask worker executes for a server."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from functools import partial
from typing import Any

import msgspec
from anyio.lowlevel import EventLoopToken

from kedro_asgi.cluster_member import ClusterMember
from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.dask.channel import Channel, size_of
from kedro_asgi.dispatch.executors.dask.messages import (
    ChunkYielded,
    EventEmitted,
    ExecutionEnded,
    FromServer,
    OrderGiven,
    RecordLogged,
    Ticket,
)
from kedro_asgi.dispatch.executors.message_pickle import Buffer, decode_message, encode_message
from kedro_asgi.dispatch.executors.run_attempt import RunAttempt
from kedro_asgi.dispatch.executors.sendable_values import plain_record, sendable
from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import RunInterruptedError, RunStoppedError, UnsendableValueError, ValueTooLargeError, error_type
from kedro_asgi.events import Event
from kedro_asgi.outcome import Outcome
from kedro_asgi.owned_handler import handle_as_last_resort
from kedro_asgi.run_context import CURRENT_NODE
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, Chunk, ChunkStream
from kedro_asgi.runner.chunk_window import ChunkWindow
from kedro_asgi.runner.messages import LogMessage
from kedro_asgi.runner.stopping import StopSignal
from kedro_asgi.runner.worker_logs import ForwardingHandler
from kedro_asgi.runs import RunSpec
from kedro_asgi.session import Convert
from kedro_asgi.session.event_loop import call_soon
from kedro_asgi.tracing.activation import continue_trace

SERVER_GONE = "The server that had the run has gone, or its connection to the Dask worker."

#: The run that code of this context works for.
HOSTED_RUN: ContextVar["HostedRun | None"] = ContextVar("kedro_asgi_hosted_run", default=None)


class Order(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A run as its server has given it; ``parts`` are the functions that read it and convert its outputs."""

    given: OrderGiven
    parts: list[Buffer]


class HostedRun:
    """One run that a thread of this worker executes; the event loop of the worker brings its order and its stop."""

    def __init__(self, ticket: Ticket, channel: Channel[FromServer], loop: EventLoopToken) -> None:
        self.ticket = ticket
        self.channel = channel
        self.order: Future[Order | None] = Future()
        """The order; ``None`` if the run is not wanted any more."""
        self._chunks: _HostedChunks | None = None
        self._stop = StopSignal()
        self._loop = loop

    # --- event loop ---

    def refuse(self) -> None:
        """Execute nothing, if the run has not begun."""
        if not self.order.done():
            self.order.set_result(None)

    def chunk_taken(self) -> None:
        """The reader of the run has one more chunk."""
        if self._chunks is not None:
            self._chunks.taken()

    def stop(self, reason: RunStoppedError) -> None:
        """Ask the run to stop before its next node, and where a node awaits."""
        call_soon(self._loop, partial(self._stop.stop, reason))

    # --- thread ---

    def execute(self, order: Order, member: ClusterMember) -> None:
        """Execute the run in this thread, and send how it ended; raises nothing."""
        HOSTED_RUN.set(self)
        if order.given.streamed:
            self._chunks = _HostedChunks(order.given.streamed, self)
        CHUNK_STREAM.set(self._chunks)
        continue_trace(order.given.trace_context)
        loaded = Outcome.of(partial(_load_order, order.parts))
        attempt = RunAttempt(
            run_id=self.ticket.run_id,
            read_spec=lambda: loaded.value()[0](),
            find_session=lambda: member.session,
            convert=_keep if loaded.result is None else loaded.result[1],
            emit=self._emit,
            stop=self._stop,
            loop=self._loop,
            full_tracebacks=order.given.full_tracebacks,
        )
        self._reply(attempt, attempt.execute(), max_bytes=order.given.max_bytes)

    def log(self, message: LogMessage) -> None:
        """Send a record that was logged during the run."""
        record = plain_record(message.record)
        # The record of a failure has no traceback that could be pickled, and any other has texts.
        parts = encode_message(record)
        logged = RecordLogged(ticket_id=self.ticket.ticket_id, node=CURRENT_NODE.get())
        self.channel.put(logged, parts, waits=True)

    def _emit(self, event: Event) -> None:
        if self.channel.is_closed or self.channel.is_silent:
            # Also at once after this process was paused: no further node begins of a run that another worker may have.
            raise RunInterruptedError(SERVER_GONE)
        content: Any = event
        self.channel.put(EventEmitted(ticket_id=self.ticket.ticket_id, content=content), waits=True)

    def _reply(self, attempt: RunAttempt, execution: Execution, *, max_bytes: int) -> None:
        try:
            parts = encode_message(sendable(execution))
            if (size := size_of(parts)) > max_bytes:
                raise ValueTooLargeError("The outputs", size_bytes=size, limit_bytes=max_bytes)
        except Exception as problem:  # whatever values of a project's own `convert` raise
            is_ours = isinstance(problem, ValueTooLargeError)
            error = problem if is_ours else UnsendableValueError("An output", str(problem))
            parts = encode_message(Execution(error=attempt.report(error)))
        self.channel.put(ExecutionEnded(ticket_id=self.ticket.ticket_id), parts)


class _HostedChunks(ChunkStream):
    """Sends the chunks of a run to its server, as JSON; at most a window of them that the reader does not have yet."""

    def __init__(self, names: frozenset[str], run: HostedRun) -> None:
        super().__init__(names, convert=encode_output)
        self._run = run
        self._window = ChunkWindow()

    def _give(self, chunk: Chunk) -> None:
        self._window.enter()
        ticket_id = self._run.ticket.ticket_id
        message = ChunkYielded(ticket_id=ticket_id, output=chunk.output, problem=chunk.problem)
        self._run.channel.put(message, [] if chunk.value is None else [memoryview(chunk.value)], waits=True)

    def taken(self) -> None:
        """The reader has one more chunk."""
        self._window.leave()

    def release(self) -> None:
        self._window.release()


class HostedRunHandler(ForwardingHandler):
    """Sends the records that code of a run logs to the server of that run.

    A handler that ``is_alone`` does with others what logging itself does for a root logger without handlers.
    """

    def __init__(self, *, is_alone: bool) -> None:
        super().__init__(_log_to_server)
        self._is_alone = is_alone

    def emit(self, record: logging.LogRecord) -> None:
        if HOSTED_RUN.get() is not None:
            super().emit(record)
        elif self._is_alone:
            handle_as_last_resort(record)


def _log_to_server(message: LogMessage) -> None:
    if (run := HOSTED_RUN.get()) is not None:
        run.log(message)


def _load_order(parts: Sequence[Buffer]) -> tuple[Callable[[], RunSpec], Convert]:
    """Return the functions that read an order and convert outputs."""
    try:
        read_spec, convert = decode_message(parts)
    except Exception as error:  # whatever modules raise when they are imported
        raise UnsendableValueError("A value of the run", f"{error_type(error)}: {error}") from error
    return read_spec, convert


def _keep(name: str, value: Any) -> Any:
    return value
