"""What runs go through in one process, put together, and how it is closed without losing any."""

import logging
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from functools import partial

import anyio
import anyio.to_thread

from kedro_asgi.dispatch.custody import Custody
from kedro_asgi.dispatch.deadlines import Deadlines
from kedro_asgi.dispatch.driver import Driver
from kedro_asgi.dispatch.journal import Journal
from kedro_asgi.dispatch.life import Life, now
from kedro_asgi.dispatch.looks import look
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.run_logging import attached
from kedro_asgi.dispatch.stores import Store
from kedro_asgi.dispatch.stores.base import IdempotencyKey
from kedro_asgi.dispatch.tail import Tail
from kedro_asgi.dispatch.visits import Visits
from kedro_asgi.errors import (
    DrainingError,
    QueueFullError,
    RunCancelledError,
    RunStoppedError,
    RunTimedOutError,
    StoreUnavailableError,
)
from kedro_asgi.events import RunQueued
from kedro_asgi.runs import FINAL, RunId, RunIds, RunOrder, RunRecord
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.asynchronous import Convert

_log = logging.getLogger(__name__)

# How long runs that were told to stop may take to do so before the room closes over them.
_LAST_SECONDS = 2.0


class Room:
    """The parts of one open room. Belongs to one event loop, from `opened` on."""

    def __init__(
        self,
        session: AsyncSession,
        store: Store,
        policy: Policy,
        metrics: Metrics,
        run_ids: RunIds,
        *,
        convert: Convert,
    ) -> None:
        self.owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        self.store = store
        self.lives: dict[str, Life] = {}
        self.is_draining = False
        self.is_closed = False
        self.journal = Journal(store, self.owner, policy, written=self._written, failed=self._failed)
        self.visits = Visits()
        self.tail = Tail(store, policy, self.visits)
        self.driver = Driver(session, self.journal, metrics, policy, convert=convert, began=self._began)
        self._deadlines = Deadlines(self._expired)
        self.custody = Custody(
            store,
            self.owner,
            policy,
            run_ids,
            metrics,
            make_life=self._adopted,
            resume=self._resume,
            cancel=self.cancel,
        )
        self._policy = policy
        self._metrics = metrics
        self._run_ids = run_ids

    @asynccontextmanager
    async def opened(self, *, with_logs: bool) -> AsyncIterator[None]:
        """Open the store and work while this block lasts; leaving it drains, at once if an error leaves it.

        ``with_logs`` makes the log lines of runs events of theirs. Raises `StoreVersionError`; a store that is not
        available is tried again and again meanwhile.
        """
        failure: Exception | None = None
        with attached(self._policy.log_level) if with_logs else nullcontext():
            try:
                await self.journal.open()
                async with anyio.create_task_group() as tasks:
                    for work in (self.tail.run, self.custody.run, self._deadlines.run):
                        tasks.start_soon(work)
                    grace_seconds = 0.0
                    try:
                        yield
                        grace_seconds = self._policy.grace_seconds
                    except Exception as error:
                        # Raised below: out of the group it would come as a group.
                        failure = error
                    finally:
                        with anyio.CancelScope(shield=True):
                            await self.drain(grace_seconds)
                        tasks.cancel_scope.cancel()
            finally:
                # Again: asyncio may have cancelled the drain, shielded or not.
                self._let_go()
                try:
                    await self._close()
                finally:
                    self.driver.close()
        if failure is not None:
            raise failure

    def gauges(self) -> dict[str, float]:
        """What is going on at this moment."""
        return {
            "runs_running": self.driver.running,
            "runs_queued": self.driver.queued,
            "runs_concurrency_limit": self.driver.capacity,
            "runs_unwritten_lost": self.journal.lost,
            "event_readers": self.tail.readers,
            "events_lost": self.tail.lost,
            "store_groups_written": self.journal.groups,
            "store_up": float(self.journal.failure is None),
            "draining": float(self.is_draining),
        }

    # --- in ---

    def admit(
        self, order: RunOrder, *, run_id: RunId | None = None, key: IdempotencyKey | None = None, promise: bool
    ) -> Life:
        """Let a run in; raises `QueueFullError` or `DrainingError`."""
        try:
            if self.is_draining:
                raise DrainingError
            self.driver.reserve()
        except (QueueFullError, DrainingError) as error:
            self._metrics.refused[type(error).__name__] += 1
            raise
        record = self._new_record(order, run_id or self._run_ids.next())
        life = self._life(record, order, key=key, is_promised=promise)
        life.emit(RunQueued(run_id=record.run_id, at=record.created_at))
        self.lives[record.run_id] = life
        return life

    async def promise(self, life: Life) -> None:
        """Have a run that was admitted written, and driven as soon as it is, whatever becomes of the caller.

        One whose key stands for another run is forgotten. Raises `StoreUnavailableError` or `UnstorableRunError`.
        """
        await self.journal.insert(life, partial(self._promised, life))

    def _promised(self, life: Life, error: Exception | None) -> None:
        if error is None and life.verdict != "conflict":
            self.launch(life)
            return
        self.driver.cede()
        life.announce()
        self.lives.pop(life.record.run_id, None)
        if isinstance(error, StoreUnavailableError):
            self.custody.doubt(life.record.run_id)

    def launch(self, life: Life, *, was_reserved: bool = True) -> None:
        """Have a run that was admitted driven, from now on without anybody."""
        if self.is_draining and self._hand_back(life):
            if was_reserved:
                self.driver.cede()
            life.announce()
            return
        self.driver.enter(life, was_reserved=was_reserved)

    def cancel(self, run_id: str) -> None:
        """Ask a run of this process to stop."""
        life = self.lives.get(run_id)
        if life is not None and not life.is_over:
            self._stop(life, RunCancelledError())

    # --- out ---

    async def drain(self, grace_seconds: float) -> None:
        """Accept nothing more; let what runs go on for a while, then stop it; queued runs wait for the next server."""
        is_first, self.is_draining = not self.is_draining, True
        if is_first:
            self.custody.is_adopting = False
            for life in list(self.lives.values()):
                if life.record.status == "queued" and self._hand_back(life):
                    self._stop(life, RunCancelledError())
        await self._wait_for_lives(grace_seconds)
        for life in self._going():
            self._stop(life, RunCancelledError("The server was shut down before the run ended."))
        await self._wait_for_lives(_LAST_SECONDS)
        for life in self._going():
            if not life.is_over:
                _log.warning("Run %s does not stop: its thread is left behind.", life.record.run_id)
                self.driver.abandon(life)
        await self._wait_for_lives(_LAST_SECONDS)
        await self._write_the_rest(release=is_first and self.store.is_shared)
        await self.tail.close()
        self._let_go()

    def _let_go(self) -> None:
        """Have nobody wait any longer for what is not on disk, and may never be, where the store fails."""
        self.is_closed = True
        self.tail.end()
        for life in self._going():
            life.let_go()

    async def _close(self) -> None:
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_LAST_SECONDS):
                await self.visits.ended()
            self.visits.close()
            await anyio.to_thread.run_sync(self.journal.close)

    async def _write_the_rest(self, *, release: bool) -> None:
        """Have readers and other workers find what happened last, and only then give up the runs that are queued.

        A run that ended a moment ago may still be queued in the store: given up, its end could not be written.
        """
        if self.journal.failure is None:
            with anyio.move_on_after(_LAST_SECONDS):
                await self.journal.flushed()
                if release:
                    await self._release()

    async def _wait_for_lives(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            for life in self._going():
                await life.settled()

    def _going(self) -> list[Life]:
        return [life for life in self.lives.values() if not life.is_settled]

    async def _release(self) -> None:
        try:
            await look(lambda: self.store.release_queued(self.owner))
        except StoreUnavailableError as error:
            _log.warning("%s", error)

    def _hand_back(self, life: Life) -> bool:
        """Leave a queued run to the next server, if that will find it; returns whether it will."""
        life.is_handed_back = life.is_promised and self.store.is_shared and life.stored == "queued"
        return life.is_handed_back

    # --- within ---

    def _began(self, life: Life) -> None:
        if life.record.timeout_seconds is not None:
            self._deadlines.watch(life, life.record.timeout_seconds)

    def _expired(self, life: Life, seconds: float) -> None:
        if not life.is_over:
            self._stop(life, RunTimedOutError(seconds))

    def _stop(self, life: Life, reason: RunStoppedError) -> None:
        life.stop.stop(reason)
        self.driver.leave_queue(life)
        if life.record.status == "running" and not (life.is_over or life.record.is_stopping):
            life.change(is_stopping=True)

    def _failed(self) -> None:
        """The store failed, or is back."""
        self.driver.store_failed()

    def _written(self, lives: Iterable[Life]) -> None:
        for life in lives:
            if life.is_refused or (life.verdict == "lost" and (life.is_promised or life.is_over)):
                life.announce()
            elif life.stored not in FINAL:
                continue
            self.lives.pop(life.record.run_id, None)
            self._deadlines.forget(life)
        self.tail.wake()

    def _new_record(self, order: RunOrder, run_id: RunId) -> RunRecord:
        limits = [found for found in (order.timeout_seconds, self._policy.max_timeout_seconds) if found is not None]
        return RunRecord(
            run_id=run_id,
            status="queued",
            created_at=now(),
            pipeline_names=order.spec.slice.pipeline_names or ("__default__",),
            labels=order.labels,
            timeout_seconds=min(limits, default=None),
        )

    def _life(
        self, record: RunRecord, order: RunOrder, *, key: IdempotencyKey | None = None, is_promised: bool
    ) -> Life:
        return Life(
            record,
            order,
            touched=self.journal.post,
            is_promised=is_promised,
            key=key,
            max_log_lines=self._policy.max_log_lines,
        )

    def _adopted(self, record: RunRecord, order: RunOrder) -> Life:
        life = self._life(record, order, is_promised=True)
        # Custody writes it first.
        life.is_dirty = True
        return life

    def _resume(self, life: Life) -> None:
        life.is_dirty = False
        self.lives[life.record.run_id] = life
        self.launch(life, was_reserved=False)
