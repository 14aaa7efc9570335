"""The runs that a server has on a Dask cluster, and the thread that talks to the cluster."""

import asyncio
import itertools
import secrets
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, cast

import msgspec
from distributed.scheduler import KilledWorker

from kedro_asgi.cluster_member import MemberFacts
from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.dask.messages import (
    LAST_SECONDS,
    ChunkTaken,
    ChunkYielded,
    EventEmitted,
    ExecutionEnded,
    FromWorker,
    Greeting,
    OrderGiven,
    OrderRefused,
    OrderRequested,
    RecordLogged,
    StopRequested,
    Ticket,
    plain,
)
from kedro_asgi.dispatch.executors.dask.run import DaskRun, placement_error
from kedro_asgi.dispatch.executors.dask.scheduler_connection import SchedulerConnection
from kedro_asgi.dispatch.executors.dask.settings import ClusterSettings
from kedro_asgi.dispatch.executors.dask.task import execute_run
from kedro_asgi.dispatch.executors.dask.worker_connections import WorkerConnections
from kedro_asgi.dispatch.executors.message_pickle import Buffer, encode_message
from kedro_asgi.dispatch.executors.remote_run import RemoteRun
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.errors import RunStoppedError
from kedro_asgi.outcome import Outcome
from kedro_asgi.runner.chunk_stream import Chunk
from kedro_asgi.runner.process_state import log_levels

_log = SafeLogger(__name__)

_PLACING_PAUSE_SECONDS = 0.5
_CHOICE_SECONDS = 10.0


class DaskCluster:
    """Gives runs to the workers of a cluster; any thread may call the public methods, and none waits.

    Dask only finds a worker for each run. That worker then asks the server for the order of the run, over a connection
    of the two, and gets it once, whatever Dask repeats. Events, log records and outputs come back by the same
    connection. A run is the worker's from its order until its end, or until the end of the connection.

    The event loop is not that of the server: Dask's client needs asyncio, and reads and unpickles on its loop.
    """

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._server = f"kedro-asgi-{secrets.token_hex(8)}"
        self._numbers = itertools.count(1)
        # Runs by the id of their latest ticket.
        self._runs: dict[str, DaskRun] = {}
        self._futures: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._loop = asyncio.new_event_loop()
        self._scheduler = SchedulerConnection(
            settings.find_scheduler, topic=self._server, told=lambda event: self._worker_asked(event[1]["worker"])
        )
        self._workers = WorkerConnections(
            self, greeting=self._greeting, connection_args=lambda: self._scheduler.connection_args
        )
        threading.Thread(target=self._work, name="kedro-asgi-dask", daemon=True).start()

    # --- any thread ---

    def give(self, run: RemoteRun) -> None:
        """Have a run executed."""
        self._call(partial(self._add, run))

    def stop(self, run_id: str, reason: RunStoppedError) -> None:
        """Ask a run to stop; one that no worker has yet ends now."""
        self._call(partial(self._stop, run_id, reason))

    def close(self) -> None:
        """Leave the cluster: workers stop the runs of this server."""
        self._call(self._scheduler.close)

    @property
    def has_tried(self) -> bool:
        """Whether the cluster was ready once, or could not be reached."""
        return self._scheduler.has_tried

    @property
    def problem(self) -> str | None:
        """Why no run can begin now, if so."""
        return self._scheduler.problem

    def gauges(self) -> dict[str, float]:
        """Return figures of this moment."""
        threads = self._scheduler.threads_of_workers
        return {
            "dask_scheduler_up": float(self._scheduler.is_up),
            "dask_workers": len(threads),
            "dask_threads": sum(threads.values()),
            "dask_tasks": len(self._runs),
        }

    def _call(self, call: Callable[[], None]) -> None:
        # A loop that has ended has nothing of the cluster left.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)

    # --- the event loop ---

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        await self._scheduler.serve()
        self._is_closing = True
        await self._workers.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        # The loop itself keeps no task alive.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _greeting(self) -> Greeting:
        return Greeting(
            server=self._server, log_levels=log_levels(), silence_seconds=self._settings.options.silence_seconds
        )

    # --- runs ---

    def _add(self, given: RemoteRun) -> None:
        run = DaskRun(given)
        self._renew_ticket(run)
        self._start(self._place(run))

    def _renew_ticket(self, run: DaskRun) -> None:
        self._runs.pop(run.ticket_id, None)
        run.renew_ticket(f"{run.run_id}-{next(self._numbers)}")
        self._runs[run.ticket_id] = run

    def _is_waiting(self, run: DaskRun) -> bool:
        return run.worker is None and run.ticket_id in self._runs

    async def _place(self, run: DaskRun) -> None:
        """Have Dask find a worker for a run, again and again, until one asks for it or tells why it cannot."""
        while self._is_waiting(run):
            client = await self._scheduler.client()
            found = await self._settings.facts()
            if not self._is_waiting(run):
                return
            error = found.error or await self._submitted(client, run, *found.value())
            if not self._is_waiting(run):
                return
            if error is not None and not isinstance(error, KilledWorker):
                self._end(run, partial(run.fail, placement_error(error)))
                return
            # The worker was lost before it had the run, or has not met this server; or the scheduler is gone.
            _log.info("Run %s is given to the Dask cluster again", run.run_id)
            await asyncio.sleep(_PLACING_PAUSE_SECONDS)

    async def _submitted(self, client: Any, run: DaskRun, facts: MemberFacts, reload: str) -> BaseException | None:
        """Submit a run once, wait for the end of its task, and return the task's error."""
        self._renew_ticket(run)
        ticket = Ticket(ticket_id=run.ticket_id, server=self._server, run_id=run.run_id, facts=facts, reload=reload)
        names = run.given.pipeline_names
        try:
            future = client.submit(
                execute_run,
                plain(ticket),
                # Dask learns by the first part of a key how long such tasks take.
                key=(f"kedro-asgi:{','.join(names) or '__default__'}", run.ticket_id),
                pure=False,
                retries=0,
                resources=self._settings.options.resources_of(names) or None,
                workers=self._scheduler.audible_workers,
            )
            self._futures[run.ticket_id] = future
            if self._scheduler.has_silent_workers:
                # One of those may have been chosen, or all others are gone: then choose again.
                with suppress(TimeoutError):
                    return cast("BaseException | None", await asyncio.wait_for(future.exception(), _CHOICE_SECONDS))
                if run.worker is None:
                    return None
            return cast("BaseException | None", await future.exception())
        except Exception as problem:  # a client that has lost its scheduler a moment ago
            _log.info("A run cannot be given to the Dask cluster now: %s", problem)
            return None
        finally:
            if self._futures.pop(ticket.ticket_id, None) is not None and not future.done():
                self._start(_cancel(future))

    def _stop(self, run_id: str, reason: RunStoppedError) -> None:
        run = next((found for found in self._runs.values() if found.run_id == run_id), None)
        if run is None:
            return
        run.note_stop(reason)
        if run.worker is None:
            if (future := self._futures.get(run.ticket_id)) is not None:
                self._start(_cancel(future))
            self._end(run, partial(run.end, Execution()))
        else:
            self._workers.send(run.worker, StopRequested(ticket_id=run.ticket_id), encode_message(reason))

    def _end(self, run: DaskRun, end: Callable[[], None]) -> None:
        if self._runs.pop(run.ticket_id, None) is not None:
            end()

    # --- owner of the connections with workers ---

    def message_received(self, worker: str, message: FromWorker, parts: list[Buffer]) -> None:
        if isinstance(message, OrderRequested):
            self._start(self._give_order(worker, message.ticket_id))
            return
        run = self._runs.get(message.ticket_id)
        if run is None or run.worker != worker:
            # Code of a run that has ended, or that another worker has, goes on.
            return
        match message:
            case EventEmitted(content=event):
                run.take_event(event)
            case RecordLogged(node=node):
                run.take_record(parts, node)
            case ChunkYielded(output=output, problem=problem):
                value = msgspec.Raw(bytes(parts[0])) if parts else None
                taken = partial(self._workers.send, worker, ChunkTaken(ticket_id=run.ticket_id))
                run.take_chunk(Chunk(output=output, value=value, problem=problem), partial(self._call, taken))
            case ExecutionEnded():
                self._end(run, partial(run.end_replied, parts))

    def worker_lost(self, worker: str, *, is_silent: bool) -> None:
        lost = [run for run in self._runs.values() if run.worker == worker]
        if self._is_closing:
            self._end_lost(lost)
        elif lost:
            self._start(self._end_lost_later(lost))
        if is_silent:
            # The scheduler may have chosen it for runs that wait.
            self._scheduler.note_silent(worker)
            waiting = [run.ticket_id for run in self._runs.values() if run.worker is None]
            for future in [self._futures[ticket_id] for ticket_id in waiting if ticket_id in self._futures]:
                self._start(_cancel(future))

    async def _end_lost_later(self, runs: list[DaskRun]) -> None:
        # The worker may be alive, and stops them until then.
        await asyncio.sleep(1.5 * LAST_SECONDS)
        self._end_lost(runs)

    def _end_lost(self, runs: list[DaskRun]) -> None:
        for run in runs:
            self._end(run, partial(run.end_lost, was_alone=len(runs) == 1))

    def _worker_asked(self, worker: str) -> None:
        self._scheduler.note_heard(worker)
        self._workers.connect(worker)

    async def _give_order(self, worker: str, ticket_id: str) -> None:
        """Give a run to the first worker that asks for it, and to no other."""
        run = self._runs.get(ticket_id)
        if run is None or run.worker is not None:
            self._workers.send(worker, OrderRefused(ticket_id=ticket_id))
            return
        run.assign(worker)
        settings = self._settings
        encode = partial(run.encode_order, settings.convert, max_bytes=settings.options.max_value_bytes)
        outcome = await asyncio.to_thread(Outcome.of, encode)
        if isinstance(outcome.error, Exception):
            self._workers.send(worker, OrderRefused(ticket_id=ticket_id))
            self._end(run, partial(run.fail, outcome.error))
            return
        given = OrderGiven(
            ticket_id=ticket_id,
            max_bytes=settings.options.max_value_bytes,
            full_tracebacks=settings.full_tracebacks,
            streamed=run.streamed,
            trace_context=run.trace_context,
        )
        self._workers.send(worker, given, outcome.value())


async def _cancel(future: Any) -> None:
    with suppress(OSError):
        await future.cancel()
