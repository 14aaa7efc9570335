"""Executes the runs of servers on a Dask worker, in its threads."""

import logging
import os
import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

import msgspec
from anyio.from_thread import start_blocking_portal
from anyio.lowlevel import EventLoopToken, current_token
from distributed.core import Status

from kedro_asgi.cluster_member import ClusterMember
from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.dask_channel import Channel, size_of
from kedro_asgi.dispatch.executors.dask_messages import (
    FROM_SERVER,
    HANDLER,
    EventEmitted,
    FromServer,
    Greeting,
    OrderGiven,
    OrderRefused,
    OrderRequested,
    RecordLogged,
    RunEnded,
    StopRequested,
    Ticket,
)
from kedro_asgi.dispatch.executors.process_messages import encode_message
from kedro_asgi.dispatch.executors.remote_run import RemoteRun, plain_record, sendable
from kedro_asgi.dispatch.executors.shared_file import Buffer
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.errors import (
    RunInterruptedError,
    RunStoppedError,
    UnsendableValueError,
    ValueTooLargeError,
    error_type,
)
from kedro_asgi.events import Event
from kedro_asgi.outcome import Outcome
from kedro_asgi.run_context import CURRENT_NODE
from kedro_asgi.runner.messages import LogMessage
from kedro_asgi.runner.stopping import StopSignal
from kedro_asgi.runner.worker_logs import ForwardingHandler
from kedro_asgi.runs import RunSpec
from kedro_asgi.session import Convert
from kedro_asgi.session.event_loop import call_soon

_log = SafeLogger(__name__)

# How long a task waits until its server has connected to this worker.
_CONNECT_SECONDS = 30.0
# How long runs of a server that has gone may go on: another server may have begun them again.
_LAST_SECONDS = 1.0
_SERVER_GONE = "The server that had the run has gone, or its connection to the Dask worker."
# Dask configures these itself.
_LOGGERS_OF_DASK = ("dask", "distributed", "tornado", "bokeh", "asyncio")

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
        self._stop = StopSignal()
        self._loop = loop

    # --- event loop ---

    def refuse(self) -> None:
        """Execute nothing, if the run has not begun."""
        if not self.order.done():
            self.order.set_result(None)

    def stop(self, reason: RunStoppedError) -> None:
        """Ask the run to stop before its next node, and where a node awaits."""
        call_soon(self._loop, partial(self._stop.stop, reason))

    # --- thread ---

    def execute(self, order: Order, member: ClusterMember) -> None:
        """Execute the run in this thread, and send how it ended; raises nothing."""
        HOSTED_RUN.set(self)
        loaded = Outcome.of(partial(_load_order, order.parts))
        run = RemoteRun(
            run_id=self.ticket.run_id,
            read_spec=lambda: loaded.value()[0](),
            convert=_keep if loaded.result is None else loaded.result[1],
            emit=self._emit,
            stop=self._stop,
            loop=self._loop,
            full_tracebacks=order.given.full_tracebacks,
            trace_context=order.given.trace_context,
        )
        execution = run.execute(Outcome.of(lambda: member.session))
        self._reply(run, execution, max_bytes=order.given.max_bytes)

    def log(self, message: LogMessage) -> None:
        """Send a record that was logged during the run."""
        record = plain_record(message.record)
        # The record of a failure has no traceback that could be pickled, and any other has texts.
        parts = encode_message(record)
        logged = RecordLogged(ticket_id=self.ticket.ticket_id, node=CURRENT_NODE.get())
        self.channel.put(logged, parts, waits=True)

    def _emit(self, event: Event) -> None:
        content: Any = event
        self.channel.put(EventEmitted(ticket_id=self.ticket.ticket_id, content=content), waits=True)

    def _reply(self, run: RemoteRun, execution: Execution, *, max_bytes: int) -> None:
        try:
            parts = encode_message(sendable(execution))
            if (size := size_of(parts)) > max_bytes:
                raise ValueTooLargeError("The outputs", size_bytes=size, limit_bytes=max_bytes)
        except Exception as problem:  # whatever values of a project's own `convert` raise
            is_ours = isinstance(problem, ValueTooLargeError)
            error = problem if is_ours else UnsendableValueError("An output", str(problem))
            parts = encode_message(Execution(error=run.report(error)))
        self.channel.put(RunEnded(ticket_id=self.ticket.ticket_id), parts)


class RunHost:
    """Serves the servers of a cluster on one worker: a connection for each server, a thread of Dask for each run.

    A server connects to the worker and gives the order of a run once. When the connection ends, runs of that server are
    stopped. One that does not stop within a second ends the process of the worker, if it ``owns_process``: the server
    may be gone, and another one may have begun the run again.
    """

    def __init__(self, worker: Any, member: ClusterMember, *, owns_process: bool) -> None:
        self._worker = worker
        self._member = member
        self._owns_process = owns_process
        self._stack = ExitStack()
        portal = self._stack.enter_context(start_blocking_portal("asyncio"))
        self._loop: EventLoopToken = portal.call(current_token)
        # Held for what threads of runs and the event loop of the worker share.
        self._changed = threading.Condition()
        self._channels: dict[str, Channel[FromServer]] = {}
        self._runs: dict[str, HostedRun] = {}
        worker.handlers[HANDLER] = self.serve_server

    def close(self) -> None:
        """End the connections, on the event loop of the worker; does not wait for runs."""
        for channel in list(self._channels.values()):
            channel.close()
        threading.Thread(target=self._stack.close, daemon=True).start()

    # --- threads of runs ---

    def execute(self, ticket: Ticket) -> None:
        """Execute a run in this thread if its server still wants it; raises why a reload of the project fails."""
        self._member.reload_for(ticket.server, ticket.reload)
        channel = self._channel(ticket)
        if channel is None:
            _log.warning("Run %s does not begin: its server has not connected.", ticket.run_id)
            return
        run = HostedRun(ticket, channel, self._loop)
        with self._changed:
            self._runs[ticket.ticket_id] = run
            if channel.is_closed:
                run.refuse()
        try:
            channel.put(OrderRequested(ticket_id=ticket.ticket_id))
            if (order := run.order.result()) is not None:
                self._in_thread(partial(copy_context().run, run.execute, order, self._member))
        finally:
            with self._changed:
                del self._runs[ticket.ticket_id]

    def _in_thread(self, work: Callable[[], None]) -> None:
        """Do the work in this thread, or in a new one if hooks keep the state of a run in thread-local variables."""
        if not self._member.session.engine.needs_own_threads:
            work()
            return
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join()

    def _channel(self, ticket: Ticket) -> Channel[FromServer] | None:
        """Return the connection of the server; asks for one, by the scheduler, if there is none."""
        with self._changed:
            if ticket.server not in self._channels:
                self._worker.log_event(ticket.server, {"worker": self._worker.address})
                self._changed.wait_for(lambda: ticket.server in self._channels, timeout=_CONNECT_SECONDS)
            return self._channels.get(ticket.server)

    # --- event loop of the worker ---

    async def serve_server(self, comm: Any, greeting: dict[str, Any]) -> Status:
        """Serve the connection of one server until it ends."""
        known = msgspec.convert(greeting, Greeting)
        _set_log_levels(known.log_levels)
        channel: Channel[FromServer] = Channel(comm, FROM_SERVER, silence_seconds=known.silence_seconds)
        with self._changed:
            former = self._channels.get(known.server)
            self._channels[known.server] = channel
            self._changed.notify_all()
        if former is not None:
            former.close()
        try:
            await channel.serve(partial(self._handle, channel))
        finally:
            self._abandon(known.server, channel)
        return Status.dont_reply

    def _handle(self, channel: Channel[FromServer], message: FromServer, parts: list[Buffer]) -> None:
        run = self._runs.get(message.ticket_id)
        if run is None or run.channel is not channel:
            return
        match message:
            case OrderGiven():
                if not run.order.done():
                    run.order.set_result(Order(given=message, parts=parts))
            case OrderRefused():
                run.refuse()
            case StopRequested():
                run.stop(_load(parts))

    def _abandon(self, server: str, channel: Channel[FromServer]) -> None:
        """Stop the runs of a server that has gone."""
        with self._changed:
            if self._channels.get(server) is channel:
                del self._channels[server]
            runs = [run for run in self._runs.values() if run.channel is channel]
            for run in runs:
                run.refuse()
        for run in runs:
            _log.warning("Run %s is stopped: its server has gone.", run.ticket.run_id)
            run.stop(RunInterruptedError(_SERVER_GONE))
        if runs and self._owns_process:
            # Not on the event loop, which a node that holds the GIL may hold up less often.
            timer = threading.Timer(_LAST_SECONDS, self._end_process, args=(runs,))
            timer.daemon = True
            timer.start()

    def _end_process(self, runs: Sequence[HostedRun]) -> None:
        with self._changed:
            left = [run.ticket.run_id for run in runs if self._runs.get(run.ticket.ticket_id) is run]
        if left:
            _log.error("The worker ends: its runs %s do not stop, and another server may have them.", ", ".join(left))
            os._exit(1)


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
        elif self._is_alone and logging.lastResort is not None and record.levelno >= logging.lastResort.level:
            logging.lastResort.handle(record)


def _log_to_server(message: LogMessage) -> None:
    if (run := HOSTED_RUN.get()) is not None:
        run.log(message)


def _set_log_levels(levels: dict[str, int]) -> None:
    """Log what the server logs: its lines come from here."""
    for name, level in levels.items():
        if not name.startswith(_LOGGERS_OF_DASK):
            logging.getLogger(name).setLevel(level)


def _load(parts: Sequence[Buffer]) -> Any:
    value, *buffers = parts
    return pickle.loads(value, buffers=buffers)


def _load_order(parts: Sequence[Buffer]) -> tuple[Callable[[], RunSpec], Convert]:
    """Return the functions that read an order and convert outputs."""
    try:
        read_spec, convert = _load(parts)
    except Exception as error:  # whatever modules raise when they are imported
        raise UnsendableValueError("A value of the run", f"{error_type(error)}: {error}") from error
    return read_spec, convert


def _keep(name: str, value: Any) -> Any:
    return value
