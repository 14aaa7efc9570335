"""One open service of runs on one event loop: its parts, its long-lived work, and how it closes without losing runs."""

import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from kedro_asgi.dispatch.admission import Admission
from kedro_asgi.dispatch.claims import Claims
from kedro_asgi.dispatch.draining import end_runs
from kedro_asgi.dispatch.event_feed import EventFeed
from kedro_asgi.dispatch.executors.base import Executor
from kedro_asgi.dispatch.messages import Written
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.old_runs import OldRuns
from kedro_asgi.dispatch.owned_runs import OwnedRuns
from kedro_asgi.dispatch.pending_write import WriteOptions
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.recorder import Recorder
from kedro_asgi.dispatch.recovery import Recovery
from kedro_asgi.dispatch.run_logging import logs_collected
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.scheduler import Scheduler
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.store_queue import StoreQueue, has_store_queue
from kedro_asgi.dispatch.stores import Store
from kedro_asgi.dispatch.supervision import LongLivedWork, keep_going
from kedro_asgi.dispatch.waited_runs import WaitedRuns
from kedro_asgi.dispatch.waiting_order import OrderPacker
from kedro_asgi.dispatch.wakes import Wakes
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.run_ids import RunIds
from kedro_asgi.session import AsyncSession
from kedro_asgi.trace_context import opentelemetry_api
from kedro_asgi.tracing.activation import prepare_tracing

if TYPE_CHECKING:
    from kedro_asgi.dispatch.batching.batching import Batching
    from kedro_asgi.dispatch.webhooks.notifier import Notifier
    from kedro_asgi.dispatch.webhooks.notify import Notify

_log = SafeLogger(__name__)

# How often a worker looks for runs of dead workers and for old runs, and counts the queue of the store.
_ORPHANS_SECONDS = 1.0
_FORGET_SECONDS = 10.0
_COUNT_SECONDS = 5.0

# How long the last writes, and callers that read, may hold up the end.
_LAST_SECONDS = 1.0


class Service:
    """The parts of one open service, which belongs to one event loop; the `Observer` of its recorder."""

    def __init__(
        self,
        session: AsyncSession,
        store: Store,
        policy: Policy,
        metrics: Metrics,
        run_ids: RunIds,
        *,
        make_executor: Callable[[], Executor],
        notify: "Notify | None" = None,
        batching: "Batching | None" = None,
        takes_runs: bool = False,
    ) -> None:
        self.owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        self.policy = policy
        self.run_ids = run_ids
        self.has_let_waiters_go = False
        options = WriteOptions(
            owner=self.owner,
            keep_order_bytes=policy.keep_order_bytes,
            max_queued=policy.max_queued_runs,
            make_notifications=None if notify is None else notify.notifications,
        )
        self.recorder = Recorder(store, options, policy, self, metrics)
        self.access = StoreAccess(store, store_failed=self.recorder.check_store)
        self.notifier: Notifier | None = None
        if notify is not None:
            self.notifier = _notifier_class()(notify, self.access, self.recorder, self.owner, policy, metrics)
        self.wakes = Wakes(store, ends_free_slots=policy.max_fleet_runs is not None)
        self._has_wakes = store.has_wakes
        self.feed = EventFeed(self.access, policy, metrics, self.wakes)
        self.waited_runs = WaitedRuns(self.access, policy, self.wakes)
        self.packer = OrderPacker()
        self.executor = make_executor()
        self.batching = batching
        is_queue_used = has_store_queue(store, policy, takes_runs=takes_runs)
        self.store_queue = StoreQueue(policy, self.access, self.wakes, is_used=is_queue_used)
        make_scheduler = Scheduler if batching is None else batching.scheduler
        self.scheduler = make_scheduler(self.executor, metrics, policy, self.store_queue)
        self.runs = self._make_owned_runs(session, metrics)
        self.recovery = self._make_recovery(metrics, options)
        self.old_runs = OldRuns(self.access, self.recorder, policy)
        if batching is not None and self.store_queue.has_all:
            batching.refuse_all("this server executes no runs, or counts or shares out each run of a fleet.")
        self._claims = self._make_claims() if is_queue_used and policy.max_concurrent_runs else None

    def _make_owned_runs(self, session: AsyncSession, metrics: Metrics) -> OwnedRuns:
        return OwnedRuns(
            Admission(session, self.recorder, self.scheduler, self.policy, metrics, self.store_queue),
            self.scheduler,
            self.store_queue,
            self.waited_runs,
            self.policy,
            metrics,
            self.run_ids,
            is_shared=self.access.is_shared,
        )

    def _make_recovery(self, metrics: Metrics, options: WriteOptions) -> Recovery:
        return Recovery(
            self.access,
            self.recorder,
            self.runs,
            options,
            self.policy,
            self.run_ids,
            metrics,
            wakes=self.wakes,
            has_store_queue=self.store_queue.is_used,
        )

    def _make_claims(self) -> Claims:
        return Claims(
            self.access,
            self.recorder,
            self.recovery,
            self.runs,
            self.scheduler,
            self.store_queue,
            self.wakes,
            self.owner,
            self.policy,
        )

    @asynccontextmanager
    async def opened(self, *, with_logs: bool) -> AsyncIterator[None]:
        """Open the store and work while this block lasts; its end drains, without grace after an error.

        ``with_logs`` makes the log lines of runs events. Raises `StoreVersionError`; a store that is not available is
        tried again and again.
        """
        failure: Exception | None = None
        with logs_collected(self.policy.event_log_level) if with_logs else nullcontext():
            try:
                await self.recorder.open()
                self.wakes.open(self.owner)
                if opentelemetry_api() is not None:
                    await anyio.to_thread.run_sync(prepare_tracing)
                async with anyio.create_task_group() as tasks:
                    for work in self._long_lived_work():
                        tasks.start_soon(keep_going, work)
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
                await self._close()
        if failure is not None:
            raise failure

    def _long_lived_work(self) -> tuple[LongLivedWork, ...]:
        """Return what goes on while the service is open."""
        work = [
            LongLivedWork(name="give events to readers", do=self.feed.look),
            LongLivedWork(name="tell callers of ends", do=self.waited_runs.look),
            *self.scheduler.long_lived_work(),
            LongLivedWork(name="cancel runs for other workers", do=self.recovery.cancel_requested),
            LongLivedWork(name="take over runs", do=self.recovery.adopt_orphans, pause_seconds=_ORPHANS_SECONDS),
            LongLivedWork(name="delete old runs", do=self.old_runs.forget, pause_seconds=_FORGET_SECONDS),
        ]
        if self._has_wakes:
            work.append(LongLivedWork(name="give up runs that others have", do=self.recovery.give_up_lost))
        if self._claims is not None:
            work += self._claims.long_lived_work()
        if self.store_queue.is_used:
            count = self.store_queue.count
            work.append(LongLivedWork(name="count waiting runs", do=count, pause_seconds=_COUNT_SECONDS))
        if self.notifier is not None:
            work.append(LongLivedWork(name="deliver notifications", do=self.notifier.deliver))
        if self.batching is not None:
            work += self.batching.long_lived_work()
        return tuple(work)

    def gauges(self) -> dict[str, float]:
        """Return figures of the service at this moment."""
        return {
            "runs_running": self.scheduler.taken_slots,
            "runs_stopping": len(self.scheduler.stopping),
            "runs_queued": self.scheduler.queued,
            "runs_waiting_for_attempt": self.scheduler.waiting,
            "runs_queued_bytes": self.scheduler.queued_bytes,
            "runs_concurrency_limit": self.scheduler.capacity,
            "event_readers": self.feed.readers,
            "store_pending_writes": self.recorder.backlog,
            "store_up": float(self.recorder.failure is None),
            "draining": float(self.runs.is_draining),
            **self.executor.gauges(),
            **({"runs_waiting_in_store": self.store_queue.length} if self.store_queue.is_used else {}),
            **({} if self.notifier is None else {"notifications_pending": self.notifier.pending}),
        }

    # --- observer of the recorder ---

    def states_written(self, written: Sequence[Written]) -> None:
        self.runs.states_written(written)
        self.feed.wake()
        if self.notifier is not None:
            self.notifier.states_written(written)

    def store_changed(self, *, is_up: bool) -> None:
        self.scheduler.store_changed(is_up=is_up)

    # --- closing ---

    async def drain(self, grace_seconds: float | None) -> None:
        """Accept no more runs, let running ones go on for a while, then stop them; the next server runs queued ones."""
        is_first = not self.runs.is_draining
        if is_first:
            handed_back = self.runs.stop_admitting()
            if handed_back:
                # Others need not wait until the last run here has ended.
                await self._return(handed_back)
        await end_runs(self.runs, self.scheduler, grace_seconds=grace_seconds)
        await self._write_the_rest(release=is_first and self.access.is_shared)
        await self.feed.close()
        self._let_waiters_go()

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

    async def _return(self, run_ids: Sequence[str]) -> None:
        """Give up queued runs, behind all states that were posted before; if that fails, they follow at the end."""
        if self.recorder.failure is None:
            with anyio.move_on_after(_LAST_SECONDS), suppress(StoreUnavailableError):
                await self.recorder.execute(lambda store: store.return_runs(run_ids, owner=self.owner))

    async def _close(self) -> None:
        # Again, since asyncio may have cancelled the drain in spite of the shield.
        self._let_waiters_go()
        try:
            with anyio.CancelScope(shield=True):
                await self.access.close(patience_seconds=_LAST_SECONDS)
        finally:
            with anyio.CancelScope(shield=True):
                await self.recorder.close()
            self.executor.close()

    def _let_waiters_go(self) -> None:
        """Wake the callers that wait for an end: while the store fails, it may never be on disk."""
        self.has_let_waiters_go = True
        self.feed.end()
        self.waited_runs.end()
        for run in self.runs.open_runs():
            run.let_waiters_go()


def _notifier_class() -> "type[Notifier]":
    # Few services tell webhooks of anything.
    from kedro_asgi.dispatch.webhooks.notifier import Notifier

    return Notifier
