"""Executes the runs of servers on a Dask worker, in its threads."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from contextvars import copy_context
from functools import partial
from typing import Any

import msgspec
from anyio.from_thread import start_blocking_portal
from anyio.lowlevel import EventLoopToken, current_token
from distributed.core import Status

from kedro_asgi.cluster_member import ClusterMember
from kedro_asgi.dispatch.executors.dask.channel import Channel
from kedro_asgi.dispatch.executors.dask.hosted_run import SERVER_GONE, HostedRun, Order
from kedro_asgi.dispatch.executors.dask.messages import (
    FROM_SERVER,
    HANDLER,
    LAST_SECONDS,
    ChunkTaken,
    FromServer,
    Greeting,
    OrderGiven,
    OrderRefused,
    OrderRequested,
    StopRequested,
    Ticket,
)
from kedro_asgi.dispatch.executors.message_pickle import Buffer, decode_message
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.errors import RunInterruptedError
from kedro_asgi.runner.process_state import log_at_least

_log = SafeLogger(__name__)

# How often, and how long each time, a task waits for its server to connect to this worker.
_CONNECT_TRIES = 30
_TRY_SECONDS = 1.0
# Dask configures these itself.
_LOGGERS_OF_DASK = ("dask", "distributed", "tornado", "bokeh", "asyncio")


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
            for _ in range(_CONNECT_TRIES):
                if ticket.server in self._channels:
                    break
                # Again and again: the server may be connecting with the scheduler at this moment.
                self._worker.log_event(ticket.server, {"worker": self._worker.address})
                self._changed.wait(timeout=_TRY_SECONDS)
            return self._channels.get(ticket.server)

    # --- event loop of the worker ---

    async def serve_server(self, comm: Any, greeting: dict[str, Any]) -> Status:
        """Serve the connection of one server until it ends."""
        known = msgspec.convert(greeting, Greeting)
        # The lines of runs that the server logs come from here.
        log_at_least(_without_loggers_of_dask(known.log_levels))
        channel: Channel[FromServer] = Channel(
            comm, FROM_SERVER, silence_seconds=known.silence_seconds, ping_seconds=known.ping_seconds
        )
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
            case ChunkTaken():
                run.chunk_taken()
            case StopRequested():
                run.stop(decode_message(parts))

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
            run.stop(RunInterruptedError(SERVER_GONE))
        if runs and self._owns_process:
            # Not on the event loop, which a node that holds the GIL may hold up less often.
            timer = threading.Timer(LAST_SECONDS, self._end_process, args=(runs,))
            timer.daemon = True
            timer.start()

    def _end_process(self, runs: Sequence[HostedRun]) -> None:
        with self._changed:
            left = [run.ticket.run_id for run in runs if self._runs.get(run.ticket.ticket_id) is run]
        if left:
            _log.error("The worker ends: its runs %s do not stop, and another server may have them.", ", ".join(left))
            os._exit(1)


def _without_loggers_of_dask(levels: Mapping[str, int]) -> dict[str, int]:
    return {name: level for name, level in levels.items() if name.partition(".")[0] not in _LOGGERS_OF_DASK}
