"""Looks after what other workers left or asked: runs of dead workers, and requests to cancel."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import UNSET

from kedro_asgi.dispatch.final_state import describe_stop, end_of
from kedro_asgi.dispatch.messages import RunAdmitted, RunChanged
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.owned_runs import OwnedRuns
from kedro_asgi.dispatch.pending_write import PendingWrite, WriteOptions
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.recorder import Recorder
from kedro_asgi.dispatch.repetition_pause import pause_seconds
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.stores.base import AdoptedRun, Store, WriteResult
from kedro_asgi.dispatch.wakes import Wakes
from kedro_asgi.errors import RunCancelledError, RunInterruptedError, StoreUnavailableError
from kedro_asgi.events import RunQueued
from kedro_asgi.run_context import run_facts
from kedro_asgi.run_ids import RunIds
from kedro_asgi.runs import ErrorDetail, RunRecord, RunStatus
from kedro_asgi.trace_context import trace_id_of

_log = SafeLogger(__name__)

_MANY = 1000
_OWNERSHIP_SECONDS = 5.0


class Recovery:
    """Adopts and ends runs by the recorder. One for each worker; belongs to its event loop."""

    def __init__(
        self,
        access: StoreAccess,
        recorder: Recorder,
        runs: OwnedRuns,
        options: WriteOptions,
        policy: Policy,
        run_ids: RunIds,
        metrics: Metrics,
        *,
        wakes: Wakes,
        has_store_queue: bool = False,
    ) -> None:
        self._wakes = wakes
        self._has_store_queue = has_store_queue
        self._access = access
        self._recorder = recorder
        self._runs = runs
        self._owner = options.owner
        # Runs that were promised are never refused.
        self._options = msgspec.structs.replace(options, max_queued=None)
        self._policy = policy
        self._run_ids = run_ids
        self._metrics = metrics
        # Adopted if the store has them under this worker's name: a write that put them there was not confirmed.
        self._unconfirmed: dict[str, None] = {}
        # Kept apart until the next look: `cancel_in_store_queue` removes its run from ``_unconfirmed``, and this
        # worker may have claimed that run meanwhile.
        self._unsettled: list[str] = []

    async def cancel_requested(self) -> None:
        """Wait for a request, and cancel the runs of this worker that another worker was asked to cancel."""
        await self._wakes.wait("cancels", self._policy.look_seconds if self._access.is_shared else math.inf)
        if self._runs.known_runs():
            for run_id in await self._access.read(lambda store: store.requested_cancels(self._owner)):
                self._runs.cancel(run_id)

    async def adopt_orphans(self) -> None:
        """Take over the runs of dead workers, each by itself: a run that cannot be taken over is tried again later."""
        with_queue = not self._has_store_queue
        found = await self._access.maintain(
            lambda store: store.orphaned_runs(self._owner, limit=_MANY, with_queue=with_queue)
        )
        failures: list[Exception] = []
        unsettled, self._unsettled = self._unsettled, []
        self._unconfirmed |= dict.fromkeys([*self._runs.take_unconfirmed(), *unsettled])
        orphans: dict[str, str | None] = {**dict(found), **dict.fromkeys(self._unconfirmed, self._owner)}
        for run_id, former in orphans.items():
            if not self._runs.has_room():
                # The runs that are left stay in the store, where this worker finds them again, or another one.
                break
            if former == self._owner and run_id in self._runs.known_runs():
                # This worker has claimed the run meanwhile, and may be executing it.
                self._unconfirmed.pop(run_id, None)
                continue
            self._unconfirmed[run_id] = None
            try:
                await self._adopt(run_id, former)
            except StoreUnavailableError:
                raise
            except Exception as error:
                failures.append(error)
            else:
                self._unconfirmed.pop(run_id, None)
        if failures:
            raise ExceptionGroup(f"{len(failures)} runs cannot be taken over", failures)

    async def _adopt(self, run_id: str, former: str | None) -> None:
        taken = await self._recorder.execute(lambda store: store.adopt(run_id, former_owner=former, owner=self._owner))
        if taken is None:
            # Another worker was faster.
            return
        if self._has_store_queue and self._is_runnable(taken):
            await self._recorder.execute(lambda store: store.return_runs([run_id], owner=self._owner))
            self._wakes.wake("queue")
            return
        is_queued = taken.record.status == "queued"
        if taken.problem is not None:
            await self._end(taken, "failure", taken.problem)
        elif is_queued and taken.is_cancel_requested:
            await self._end(taken, *describe_stop(RunCancelledError()))
        elif is_queued and self._policy.on_restart == "run" and taken.order is not None:
            self._runs.run_adopted(taken.record, taken.order, last_event=taken.last_event)
        else:
            await self._end(taken, *describe_stop(RunInterruptedError()), successor=self._successor(taken))

    def _is_runnable(self, taken: AdoptedRun) -> bool:
        is_wanted = taken.record.status == "queued" and not taken.is_cancel_requested
        return is_wanted and taken.problem is None and taken.order is not None

    # --- the queue of the store ---

    def take(self, claimed: Sequence[AdoptedRun]) -> None:
        """Have the runs executed that this worker has claimed; the next look for orphans ends those that cannot be."""
        for taken in claimed:
            if taken.order is not None and self._is_runnable(taken):
                self._runs.run_adopted(taken.record, taken.order, last_event=taken.last_event)
            else:
                self._unsettled.append(taken.record.run_id)

    async def recheck_owned(self) -> None:
        """Have the runs adopted that the store has under this worker's name, and that this worker does not know."""
        owned = await self._access.read(lambda store: store.owned_runs(self._owner))
        self._unsettled += owned - self._runs.known_runs()

    async def cancel_in_store_queue(self, run_id: str) -> None:
        """End a run that waits in the queue of the store, and that a caller has asked to cancel."""
        if self._has_store_queue:
            self._unconfirmed[run_id] = None
            await self._adopt(run_id, None)
            self._unconfirmed.pop(run_id, None)

    async def give_up_lost(self) -> None:
        """Wait until another worker may have taken over runs of this one, and give these up.

        That happens when this worker was paused, or the database did not see it, for longer than a worker is missed.
        """
        await self._wakes.wait("runs", _OWNERSHIP_SECONDS)
        if runs := self._runs.stored_runs():
            owned = await self._access.read(lambda store: store.owned_runs(self._owner))
            for run in runs:
                if run.record.run_id not in owned:
                    self._runs.lose(run)

    async def _end(
        self, taken: AdoptedRun, status: RunStatus, error: ErrorDetail, *, successor: RunAdmitted | None = None
    ) -> None:
        """Record the end of a run that was taken over and, in the same transaction, the run that replaces it."""
        record = taken.record
        if successor is not None:
            record = msgspec.structs.replace(record, resubmitted_as=successor.record.run_id)
            self._unconfirmed[successor.record.run_id] = None
        final = end_of(record, status, error)
        result = await self._recorder.execute(lambda store: self._write(store, taken, final, successor))
        if successor is not None:
            self._unconfirmed.pop(successor.record.run_id, None)
        if result != "stored":
            # This worker was paused meanwhile, and another one has taken the run over.
            return
        # Callers of this worker may wait for the end, and its own transactions do not wake it.
        self._wakes.wake("ends")
        self._metrics.run_ended(final.record)
        run_id = final.record.run_id
        text = "Run %s of a server that has ended is recorded as %s: %s"
        _log.warning(text, run_id, status, error.message, extra=run_facts(run_id))
        if successor is not None and successor.order is not None:
            if successor.is_released:
                self._wakes.wake("queue")
            else:
                self._runs.run_adopted(successor.record, successor.order, last_event=1)

    def _write(self, store: Store, taken: AdoptedRun, final: RunChanged, successor: RunAdmitted | None) -> WriteResult:
        """Write the end of a run and its successor, or none of them; return what became of them."""
        admitted = RunAdmitted(record=taken.record, stored=taken.stored, last_event=taken.last_event)
        ended = PendingWrite(admitted, self._options)
        ended.change(final)
        group = [ended.next_write()]
        if successor is not None:
            first = PendingWrite(successor, self._options).next_write()
            group.append(msgspec.structs.replace(first, replaces=taken.record.run_id))
        return store.write(group)[0]

    def _successor(self, taken: AdoptedRun) -> RunAdmitted | None:
        former, order = taken.record, taken.order
        is_wanted = order is not None and order.on_interrupt == "rerun" and former.status == "running"
        if not is_wanted or taken.is_cancel_requested or former.attempt >= self._policy.max_attempts:
            return None
        record = RunRecord(
            run_id=self._run_ids.next(),
            status="queued",
            created_at=datetime.now(UTC),
            pipeline_names=former.pipeline_names,
            labels=former.labels,
            timeout_seconds=former.timeout_seconds,
            request=former.request,
            env=former.env,
            attempt=former.attempt + 1,
            rerun_of=former.rerun_of,
            retried=former.retried,
            retry_count=former.retry_count,
            run_attempt=former.run_attempt,
            next_attempt_at=_next_attempt_at(former.attempt + 1),
            resubmission_of=former.run_id,
            trace_context=former.trace_context,
        )
        return RunAdmitted(
            record=record,
            order=order,
            is_promised=True,
            is_released=self._has_store_queue,
            event=RunQueued(run_id=record.run_id, trace_id=trace_id_of(record.trace_context) or UNSET),
            caller=taken.caller,
        )


def _next_attempt_at(attempt: int) -> datetime | None:
    seconds = pause_seconds(attempt)
    return datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None
