"""One open service of runs on one event loop: how runs come in, and how it closes without losing any."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from anyio.lowlevel import current_token

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.event_feed import EventFeed
from kedro_asgi.dispatch.executors.base import Executor
from kedro_asgi.dispatch.messages import RunAdmitted, Written
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.recorder import Recorder
from kedro_asgi.dispatch.recovery import Recovery
from kedro_asgi.dispatch.run_logging import logs_collected
from kedro_asgi.dispatch.run_request import describe_run
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.scheduler import Scheduler
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.stores import Store
from kedro_asgi.dispatch.stores.base import RunKey
from kedro_asgi.dispatch.supervision import go_on
from kedro_asgi.dispatch.waiting_order import PackedOrder, WaitingOrder, is_small, pack
from kedro_asgi.errors import (
    DrainingError,
    PipelineCrashingError,
    QueueFullError,
    RunCancelledError,
    StoreUnavailableError,
    UnstorableRunError,
)
from kedro_asgi.events import RunQueued
from kedro_asgi.redaction import secret_names
from kedro_asgi.run_context import run_facts
from kedro_asgi.runs import FINAL, RunId, RunIds, RunOrder, RunRecord, RunSpec, RunStatus
from kedro_asgi.session.event_loop import event_class
from kedro_asgi.trace_context import opentelemetry_api
from kedro_asgi.tracing.activation import prepare_tracing

if TYPE_CHECKING:
    from kedro_asgi.dispatch.webhooks.notifier import Notifier
    from kedro_asgi.dispatch.webhooks.notify import Notify

_log = SafeLogger(__name__)

# How often a worker looks for runs of dead workers, and for old runs.
_ORPHANS_SECONDS = 1.0
_FORGET_SECONDS = 10.0

_SHUT_DOWN = "The server was shut down before the run ended."

# How often a drain looks for nodes that wait for their next attempts.
_GRACE_LOOK_SECONDS = 0.1

# How long runs that were asked to stop may take before the service closes over them.
_LAST_SECONDS = 1.0


class Service:
    """The parts of one open service, which belongs to one event loop; an `Observer` of its recorder and recovery."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        metrics: Metrics,
        run_ids: RunIds,
        *,
        make_executor: Callable[[], Executor],
        read_env: Callable[[], str | None] = lambda: None,
        may_retry: Callable[[RunSpec], bool] = lambda spec: spec.retries is not None,
        notify: "Notify | None" = None,
    ) -> None:
        self.owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        self.runs: dict[str, ActiveRun] = {}
        self.is_draining = False
        self.is_closed = False
        self.access = StoreAccess(store)
        make_notifications = None if notify is None else notify.notifications
        self.recorder = Recorder(store, self.owner, policy, self, metrics, make_notifications)
        self.notifier: Notifier | None = None
        if notify is not None:
            self.notifier = _notifier_class()(notify, self.access, self.recorder, self.owner, policy, metrics)
        self.feed = EventFeed(self.access, policy, metrics)
        self._executor = make_executor()
        self.scheduler = Scheduler(self._executor, metrics, policy)
        self.recovery = Recovery(
            self.access, self.recorder, self, self.owner, policy, run_ids, metrics, make_notifications
        )
        self.policy = policy
        self._is_secret = secret_names(policy.hidden_values)
        self._metrics = metrics
        self._run_ids = run_ids
        self._read_env = read_env
        self._may_retry = may_retry
        self._packers = anyio.CapacityLimiter(1)
        self._new_run = partial(
            ActiveRun, post=self.recorder.post, policy=policy, make_event=event_class(current_token())
        )

    @asynccontextmanager
    async def opened(self, *, with_logs: bool) -> AsyncIterator[None]:
        """Open the store and work while this block lasts; its end drains, without grace after an error.

        ``with_logs`` makes the log lines of runs events. Raises `StoreVersionError`; a store that is not available is
        tried again and again.
        """
        failure: Exception | None = None
        with logs_collected(self.policy.log_level) if with_logs else nullcontext():
            try:
                await self.recorder.open()
                if opentelemetry_api() is not None:
                    await anyio.to_thread.run_sync(prepare_tracing)
                async with anyio.create_task_group() as tasks:
                    for name, work, pause_seconds in self._long_lived_work():
                        tasks.start_soon(partial(go_on, name, work, pause_seconds=pause_seconds))
                    grace_seconds = 0.0
                    try:
                        yield
                        grace_seconds = self.policy.grace_seconds
                    except Exception as error:
                        # Raised below: out of the group it would come as a group.
                        failure = error
                    finally:
                        with anyio.CancelScope(shield=True):
                            await self.drain(grace_seconds)
                        tasks.cancel_scope.cancel()
            finally:
                # Again, since asyncio may have cancelled the drain in spite of the shield.
                self._release_waiters()
                try:
                    with anyio.CancelScope(shield=True):
                        await self.access.close(patience_seconds=_LAST_SECONDS)
                finally:
                    with anyio.CancelScope(shield=True):
                        await self.recorder.close()
                    self._executor.close()
        if failure is not None:
            raise failure

    def _long_lived_work(self) -> tuple[tuple[str, Callable[[], Awaitable[object]], float], ...]:
        """Return what goes on while the service is open: what each work does, and the pause after it in seconds."""
        return (
            ("give events to readers", self.feed.look, 0.0),
            ("end runs that take too long", self.scheduler.deadlines.look, 0.0),
            ("try runs again", self.scheduler.next_attempts.look, 0.0),
            ("tell of runs that do not stop", self.scheduler.stopping.look, 0.0),
            ("cancel runs for other workers", self.recovery.cancel_requested, self.policy.look_seconds),
            ("take over runs", self.recovery.adopt_orphans, _ORPHANS_SECONDS),
            ("delete old runs", self.recovery.forget_old, _FORGET_SECONDS),
            *(() if self.notifier is None else (("deliver notifications", self.notifier.deliver, 0.0),)),
        )

    def gauges(self) -> dict[str, float]:
        """Return figures of the service at this moment."""
        return {
            "runs_running": self.scheduler.running,
            "runs_stopping": len(self.scheduler.stopping),
            "runs_queued": self.scheduler.queued,
            "runs_waiting_for_attempt": self.scheduler.waiting,
            "runs_queued_bytes": self.scheduler.queued_bytes,
            "runs_concurrency_limit": self.scheduler.capacity,
            "event_readers": self.feed.readers,
            "store_pending_writes": self.recorder.backlog,
            "store_up": float(self.recorder.failure is None),
            "draining": float(self.is_draining),
            **self._executor.gauges(),
            **({} if self.notifier is None else {"notifications_pending": self.notifier.pending}),
        }

    @property
    def is_executor_open(self) -> bool:
        """Whether a run that gets a slot begins at once."""
        return self._executor.is_open

    # --- in ---

    async def pack(self, order: RunOrder, *, is_from_json: bool, json_bytes: int | None = None) -> PackedOrder:
        """Return an order as JSON; a thread packs large ones, one at a time. Raises `UnstorableRunError`.

        ``json_bytes`` is the size of the JSON that the order came from, where it is known.
        """
        if is_small(order, json_bytes=json_bytes):
            return pack(order, is_from_json=is_from_json)
        work = partial(pack, order, is_from_json=is_from_json)
        return await anyio.to_thread.run_sync(work, limiter=self._packers)

    def new_run_id(self) -> RunId:
        """Return the id of a run that is to be promised."""
        return self._run_ids.next()

    def start(self, order: RunOrder, waiting: WaitingOrder) -> ActiveRun:
        """Queue a run that is not promised; raises `QueueFullError` or `DrainingError`."""
        run = self._admit(order, waiting, self._run_ids.next(), is_promised=False)
        self.scheduler.add(run)
        return run

    async def promise(
        self, order: RunOrder, packed: PackedOrder, run_id: RunId, key: RunKey | None
    ) -> RunRecord | None:
        """Write a run, then queue it, even if the caller is gone by then.

        Returns its record when that is on disk; ``None`` if the key stands for another run. Raises `QueueFullError`,
        `DrainingError`, `StoreUnavailableError` or `UnstorableRunError`.
        """
        run = self._admit(order, packed, run_id, is_promised=True, key=key)
        record = run.record
        with anyio.CancelScope(shield=True):
            await run.decided()
        if run.refusal is not None:
            raise run.refusal
        return None if run.phase == "refused" else record

    def cancel(self, run_id: str) -> None:
        """Ask a run of this process to stop."""
        if (run := self.runs.get(run_id)) is not None:
            self.scheduler.stop(run, RunCancelledError())

    def _admit(
        self,
        order: RunOrder,
        waiting: WaitingOrder,
        run_id: RunId,
        *,
        is_promised: bool,
        key: RunKey | None = None,
    ) -> ActiveRun:
        record = describe_run(
            order,
            run_id,
            max_timeout_seconds=self.policy.max_timeout_seconds,
            env=self._read_env(),
            is_secret=self._is_secret,
        )
        run = self._new_run(record, waiting, is_promised=is_promised, keeps_order=self._may_retry(order.spec))
        try:
            if self.is_draining:
                raise DrainingError
            self.scheduler.circuit_breaker.check(record.pipeline_names)
            self.scheduler.reserve(run)
        except (QueueFullError, DrainingError, PipelineCrashingError) as error:
            self._metrics.run_refused(error)
            raise
        self.runs[run_id] = run
        event = RunQueued(run_id=run_id, at=record.created_at)
        stored_order = waiting if isinstance(waiting, PackedOrder) and is_promised else None
        admitted = RunAdmitted(record=record, order=stored_order, key=key, is_promised=is_promised, event=event)
        self.recorder.post(admitted, is_urgent=is_promised)
        return run

    # --- observer of the recorder and of recovery ---

    def states_written(self, written: Sequence[Written]) -> None:
        for state in written:
            if (run := self.runs.get(state.run_id)) is not None:
                try:
                    self._state_written(run, state)
                except Exception:
                    # The states of other runs came with the same transaction.
                    _log.exception("Run %s is in an unexpected state.", state.run_id, extra=run_facts(state.run_id))
        self.feed.wake()
        if self.notifier is not None:
            self.notifier.states_written(written)

    def store_changed(self, *, is_up: bool) -> None:
        self.scheduler.store_changed(is_up=is_up)

    def run_adopted(self, record: RunRecord, order: PackedOrder, *, last_event: int) -> None:
        self.recorder.post(RunAdmitted(record=record, is_promised=True, stored="queued", last_event=last_event))
        run = self._new_run(record, order, is_promised=True, stored="queued", keeps_order=True)
        self.runs[record.run_id] = run
        self._launch(run)

    def has_room(self) -> bool:
        return self.scheduler.has_room

    def _state_written(self, run: ActiveRun, written: Written) -> None:
        if written.record is not None:
            run.replace_end(written.record)
        if run.phase == "admitted":
            self._decide(run, written)
        elif written.result == "stored":
            self._state_stored(run, written.status)
        elif run.is_promised:
            self.scheduler.lose(run)
            del self.runs[written.run_id]
        elif run.is_closed:
            del self.runs[written.run_id]

    def _state_stored(self, run: ActiveRun, status: RunStatus) -> None:
        run.note_stored(status)
        if status in FINAL:
            if not run.is_closed:
                run.announce()
            del self.runs[run.record.run_id]
        elif run.is_promised and status == "running":
            self.scheduler.start_stored(run)
        elif run.phase == "waiting":
            if self.is_draining:
                self._end_wait(run)
            else:
                self.scheduler.attempt_stored(run)

    def _decide(self, run: ActiveRun, written: Written) -> None:
        """Promise a run whose first record is stored, and refuse it otherwise."""
        if written.result == "stored":
            run.promise()
            self._launch(run)
            return
        self.scheduler.cancel_reservation(run)
        del self.runs[written.run_id]
        match written.result:
            case "conflict":
                run.refuse(None)
            case "unstorable":
                run.refuse(UnstorableRunError(written.reason))
            case _:
                run.refuse(StoreUnavailableError(written.reason))
                self.recovery.recheck(written.run_id)

    def _launch(self, run: ActiveRun) -> None:
        if self.is_draining and self._is_for_next_server(run):
            self._hand_back(run)
        else:
            self.scheduler.add(run)

    # --- out ---

    async def drain(self, grace_seconds: float | None) -> None:
        """Accept no more runs, let running ones go on for a while, then stop them; the next server runs queued ones."""
        is_first, self.is_draining = not self.is_draining, True
        if is_first:
            self.recovery.stop_adopting()
            for run in self._open_runs():
                if run.phase == "waiting":
                    self._end_wait(run)
                elif run.phase == "queued" and self._is_for_next_server(run):
                    self._hand_back(run)
        await self._give_grace(grace_seconds)
        for run in self._open_runs():
            self.scheduler.stop(run, RunCancelledError(_SHUT_DOWN))
        await self._wait_for_runs(_LAST_SECONDS)
        for run in self._open_runs():
            if run.phase == "running":
                run_id = run.record.run_id
                _log.warning("Run %s does not stop: it is left behind.", run_id, extra=run_facts(run_id))
                self.scheduler.abandon(run)
        await self._wait_for_runs(_LAST_SECONDS)
        await self._write_the_rest(release=is_first and self.access.is_shared)
        await self.feed.close()
        self._release_waiters()

    def _is_for_next_server(self, run: ActiveRun) -> bool:
        """Whether the store has the run as queued, so that the next server can run it."""
        return run.is_promised and self.access.is_shared and run.record.status == run.stored == "queued"

    def _end_wait(self, run: ActiveRun) -> None:
        """Leave a run that waits for its next attempt to the next server, or end it."""
        if self._is_for_next_server(run):
            self._hand_back(run)
        elif not (run.is_promised and self.access.is_shared):
            self.scheduler.stop(run, RunCancelledError(_SHUT_DOWN))
        # Else it is handed back when it is on disk that it waits.

    def _hand_back(self, run: ActiveRun) -> None:
        self.scheduler.hand_back(run)
        del self.runs[run.record.run_id]

    async def _write_the_rest(self, *, release: bool) -> None:
        """Write the last states and events, and only then give up the queued runs.

        A run that ended a moment ago may still be queued in the store: once it is given up, its end cannot be written.
        """
        if self.recorder.failure is None:
            with anyio.move_on_after(_LAST_SECONDS):
                try:
                    await self.recorder.flush()
                    if release:
                        await self.recorder.execute(lambda store: store.release_queued(self.owner))
                    if self.notifier is not None:
                        await self.notifier.stop()
                except StoreUnavailableError as error:
                    _log.warning("%s", error)

    async def _give_grace(self, seconds: float | None) -> None:
        """Wait for runs to end; stop those at once in which a node waits for an attempt after that time."""
        ends_at = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        with anyio.move_on_after(seconds):
            while open_runs := self._open_runs():
                for run in open_runs:
                    due = run.outbox.last_attempt_at
                    if due is not None and ends_at is not None and due > ends_at and run.stop_reason is None:
                        self.scheduler.stop(run, RunCancelledError(_SHUT_DOWN))
                with anyio.move_on_after(_GRACE_LOOK_SECONDS):
                    await open_runs[0].closed()

    async def _wait_for_runs(self, seconds: float | None) -> None:
        with anyio.move_on_after(seconds):
            for run in self._open_runs():
                await run.closed()

    def _open_runs(self) -> list[ActiveRun]:
        return [run for run in self.runs.values() if not run.is_closed]

    def _release_waiters(self) -> None:
        """Wake the callers that wait for an end: while the store fails, it may never be on disk."""
        self.is_closed = True
        self.feed.end()
        for run in self._open_runs():
            run.release_waiters()


def _notifier_class() -> "type[Notifier]":
    # Few services tell webhooks of anything.
    from kedro_asgi.dispatch.webhooks.notifier import Notifier

    return Notifier
