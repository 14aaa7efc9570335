"""Looks after what other processes left or asked: runs of dead workers, requests to cancel, old records."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio
import msgspec

from kedro_asgi.dispatch.entries import entry_of, settle
from kedro_asgi.dispatch.life import Life
from kedro_asgi.dispatch.looks import look
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.stores.base import AdoptedRun, Store
from kedro_asgi.errors import RunCancelledError, RunInterruptedError, StoreUnavailableError
from kedro_asgi.events import RunQueued
from kedro_asgi.runs import RunIds, RunOrder, RunRecord

_log = logging.getLogger(__name__)

_ORPHANS_SECONDS = 1.0
_FORGET_SECONDS = 10.0
_MANY = 1000


class Custody:
    """One for each worker. ``resume`` takes a run that is to be driven here, ``cancel`` a run of ours to be stopped."""

    def __init__(
        self,
        store: Store,
        owner: str,
        policy: Policy,
        run_ids: RunIds,
        metrics: Metrics,
        *,
        make_life: Callable[[RunRecord, RunOrder], Life],
        resume: Callable[[Life], None],
        cancel: Callable[[str], None],
    ) -> None:
        self._store = store
        self._owner = owner
        self._policy = policy
        self._run_ids = run_ids
        self._metrics = metrics
        self._make_life = make_life
        self._resume = resume
        self._cancel = cancel
        self.is_adopting = True
        self._doubtful: dict[str, None] = {}

    def doubt(self, run_id: str) -> None:
        """A run may be ours in the store, and nobody here has it: the store failed as it was written or taken over."""
        self._doubtful[run_id] = None

    async def run(self) -> None:
        """Go on looking, as often as each thing needs it."""
        due = {self._adopt_orphans: 0.0, self._forget: time.monotonic() + _FORGET_SECONDS}
        every = {self._adopt_orphans: _ORPHANS_SECONDS, self._forget: _FORGET_SECONDS}
        while True:
            try:
                for work, when in due.items():
                    if time.monotonic() >= when:
                        await work()
                        due[work] = time.monotonic() + every[work]
                await self._hear_cancels()
            except StoreUnavailableError:
                await anyio.sleep(_ORPHANS_SECONDS)
            await anyio.sleep(self._policy.look_seconds)

    async def _hear_cancels(self) -> None:
        if self._store.is_shared:
            for run_id in await look(lambda: self._store.requested_cancels(self._owner)):
                self._cancel(run_id)

    async def _adopt_orphans(self) -> None:
        orphans: dict[str, str | None] = dict(await look(lambda: self._store.orphaned_runs(self._owner, limit=_MANY)))
        orphans |= dict.fromkeys(self._doubtful, self._owner)
        for run_id, former in orphans.items():
            if not self.is_adopting:
                return
            self.doubt(run_id)
            taken = await look(partial(self._store.adopt, run_id, former_owner=former, owner=self._owner))
            if taken is not None:
                await self._adopt(taken)
            del self._doubtful[run_id]

    async def _adopt(self, taken: AdoptedRun) -> None:
        life = self._make_life(taken.record, taken.order or RunOrder())
        life.stored, life.last_event = taken.record.status, taken.last_event
        if taken.is_cancel_requested:
            life.stop.stop(RunCancelledError())
        if taken.record.status == "queued" and (taken.is_cancel_requested or self._may_run(taken)):
            self._resume(life)
        else:
            await self._interrupt(life, taken)

    def _may_run(self, taken: AdoptedRun) -> bool:
        return self._policy.on_restart == "run" and taken.order is not None

    async def _interrupt(self, life: Life, taken: AdoptedRun) -> None:
        """Say that the run was interrupted and, in the same transaction, order it again if that was asked for."""
        successor = self._successor(taken)
        error = RunInterruptedError()
        if successor is not None:
            life.record = msgspec.structs.replace(life.record, resubmitted_as=successor.record.run_id)
        life.end_as(error)
        lives = [life] if successor is None else [life, successor]
        entries = [entry_of(found, self._owner) for found in lives]
        if successor is not None:
            self.doubt(successor.record.run_id)
        verdicts = await look(lambda: self._store.write(entries))
        for found, entry, verdict in zip(lives, entries, verdicts, strict=True):
            settle(found, entry, verdict)
        self._metrics.ended["interrupted"] += 1
        _log.warning("Run %s was interrupted: its server ended before it did.", life.record.run_id)
        if successor is not None:
            del self._doubtful[successor.record.run_id]
            self._resume(successor)

    def _successor(self, taken: AdoptedRun) -> Life | None:
        former, order = taken.record, taken.order
        is_wanted = order is not None and order.on_interrupt == "rerun" and former.status == "running"
        if order is None or not is_wanted or taken.is_cancel_requested or former.attempt >= self._policy.max_attempts:
            return None
        record = RunRecord(
            run_id=self._run_ids.next(),
            status="queued",
            created_at=datetime.now(UTC),
            pipeline_names=former.pipeline_names,
            labels=former.labels,
            timeout_seconds=former.timeout_seconds,
            attempt=former.attempt + 1,
            resubmission_of=former.run_id,
        )
        life = self._make_life(record, order)
        life.emit(RunQueued(run_id=record.run_id))
        return life

    async def _forget(self) -> None:
        oldest = datetime.now(UTC) - timedelta(days=self._policy.keep_days)
        keys_before = time.time() - self._policy.key_hours * 3600
        gone = _MANY
        while gone >= _MANY:
            gone = await look(
                lambda: self._store.delete_old(
                    before_run_id=f"{oldest:%Y-%m-%dT%H.%M.%S}",
                    keep_runs=self._policy.keep_runs,
                    keys_before_ms=int(keys_before * 1000),
                    limit=_MANY,
                )
            )
