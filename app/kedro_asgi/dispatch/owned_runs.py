"""The runs that this worker owns: how they come in, what follows when their states are on disk, and how they leave."""

from collections.abc import Iterator, Mapping, Sequence

import anyio

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.admission import Admission
from kedro_asgi.dispatch.messages import Written
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.scheduler import Scheduler
from kedro_asgi.dispatch.store_queue import StoreQueue
from kedro_asgi.dispatch.stores.base import RunKey
from kedro_asgi.dispatch.waited_runs import WaitedRuns
from kedro_asgi.dispatch.waiting_order import PackedOrder, WaitingOrder
from kedro_asgi.errors import RunCancelledError, StoreUnavailableError, UnstorableRunError
from kedro_asgi.run_context import run_facts
from kedro_asgi.run_ids import RunIds
from kedro_asgi.runs import FINAL, RunId, RunOrder, RunRecord

_log = SafeLogger(__name__)

# The phases in which this worker looks whether it still has a run. One that waits for its next attempt is looked for
# when it is queued again, and one that has ended when its end is written.
_CHECKED_PHASES = ("queued", "starting", "running")
_TAKEN_OVER = "Another worker has the run now."
_SHUT_DOWN = "The server was shut down before the run ended."


class OwnedRuns(Mapping[str, ActiveRun]):
    """The runs of this worker by their ids, each from its admission until its end is on disk or another one has it.

    Belongs to one event loop. ``is_shared``: the store outlives this worker, so others can go on with queued runs.
    """

    def __init__(
        self,
        admission: Admission,
        scheduler: Scheduler,
        store_queue: StoreQueue,
        waited_runs: WaitedRuns,
        policy: Policy,
        metrics: Metrics,
        run_ids: RunIds,
        *,
        is_shared: bool,
    ) -> None:
        self.is_draining = False
        """Whether no more runs are admitted."""
        self._runs: dict[str, ActiveRun] = {}
        self._unconfirmed: list[RunId] = []
        self._admission = admission
        self._scheduler = scheduler
        self._store_queue = store_queue
        self._waited_runs = waited_runs
        self._is_shared = is_shared
        self._max_queued_runs = policy.max_queued_runs
        self._metrics = metrics
        self._run_ids = run_ids

    def __getitem__(self, run_id: str) -> ActiveRun:
        return self._runs[run_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def open_runs(self) -> list[ActiveRun]:
        """Return the runs of which more will come in this process."""
        return [run for run in self._runs.values() if not run.is_closed]

    # --- for callers ---

    def start(self, order: RunOrder, waiting: WaitingOrder) -> ActiveRun:
        """Queue a run that is not promised; raises `QueueFullError` or `DrainingError`."""
        run = self._admit(order, waiting, self._run_ids.next(), is_promised=False)
        self._scheduler.add(run)
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
        """Ask a run to stop, if it is among these."""
        if (run := self._runs.get(run_id)) is not None:
            self._scheduler.stop(run, RunCancelledError())

    def _admit(
        self,
        order: RunOrder,
        waiting: WaitingOrder,
        run_id: RunId,
        *,
        is_promised: bool,
        key: RunKey | None = None,
    ) -> ActiveRun:
        run = self._runs[run_id] = self._admission.admit(
            order, waiting, run_id, is_promised=is_promised, is_draining=self.is_draining, key=key
        )
        return run

    # --- for recovery ---

    def has_room(self) -> bool:
        """Whether this worker may take over further queued runs."""
        return not self.is_draining and self._scheduler.has_room

    def run_adopted(self, record: RunRecord, order: PackedOrder, *, last_event: int) -> None:
        """This worker has a queued run now that another one left behind."""
        run = self._runs[record.run_id] = self._admission.adopt(record, order, last_event=last_event)
        self._launch(run)
        self._waited_runs.tell((record.run_id,))

    def take_unconfirmed(self) -> Sequence[RunId]:
        """Return and forget the ids of runs that the store may have although their writes were not confirmed."""
        found, self._unconfirmed = self._unconfirmed, []
        return found

    def known_runs(self) -> frozenset[str]:
        """Return the ids of all runs of this worker."""
        return frozenset(self._runs)

    def stored_runs(self) -> list[ActiveRun]:
        """Return the promised runs that wait or are executed, and that the store has under this worker's name."""
        return [
            run
            for run in self._runs.values()
            if run.is_promised and run.stored is not None and run.phase in _CHECKED_PHASES
        ]

    def queued_runs(self) -> frozenset[str]:
        """Return the ids of the promised runs that wait for a slot of this worker."""
        return frozenset(
            run_id for run_id, run in self._runs.items() if run.phase == "queued" and self._is_for_next_server(run)
        )

    def give_back(self, run_id: str) -> None:
        """Leave a run that waits to any worker."""
        run = self._runs[run_id]
        self._hand_back(run)
        run.return_to_store_queue()

    def lose(self, run: ActiveRun) -> None:
        """Another worker has a run now: this one stops executing it, and records no more of it."""
        run_id = run.record.run_id
        if run.phase in _CHECKED_PHASES and self._runs.get(run_id) is run:
            _log.warning("Run %s was taken over by another worker.", run_id, extra=run_facts(run_id))
            self._scheduler.lose(run, _TAKEN_OVER)
            del self._runs[run_id]

    # --- from the writer thread ---

    def states_written(self, written: Sequence[Written]) -> None:
        """The writer thread has stored these states of runs, or has given them up."""
        for state in written:
            if (run := self._runs.get(state.run_id)) is not None:
                try:
                    self._state_written(run, state)
                except Exception:
                    # The states of other runs came with the same transaction.
                    _log.exception("Run %s is in an unexpected state.", state.run_id, extra=run_facts(state.run_id))
            elif state.is_released:
                # It was given back, and another slot of this worker may have become free.
                self._store_queue.wake()

    def _state_written(self, run: ActiveRun, written: Written) -> None:
        if written.record is not None:
            run.replace_end(written.record)
        if run.phase == "admitted":
            self._decide(run, written)
        elif written.result == "stored":
            self._state_stored(run, written)
        elif run.is_promised:
            # The writer thread has logged why.
            reason = _TAKEN_OVER if written.result == "lost" else f"The run cannot be stored: {written.reason}"
            self._scheduler.lose(run, reason)
            del self._runs[written.run_id]
        elif run.is_closed:
            del self._runs[written.run_id]

    def _state_stored(self, run: ActiveRun, written: Written) -> None:
        status = written.status
        run.note_stored(status)
        if status in FINAL:
            if not run.is_closed:
                run.announce()
            del self._runs[run.record.run_id]
        elif run.is_promised and status == "running":
            self._scheduler.start_stored(run)
        elif run.phase == "waiting":
            if self.is_draining:
                self._end_wait(run)
            elif written.is_released:
                self._leave_in_store(run)
            else:
                self._scheduler.attempt_stored(run)

    def _decide(self, run: ActiveRun, written: Written) -> None:
        """Promise a run whose first record is stored, and refuse it otherwise."""
        if written.result == "stored":
            run.promise()
            if run.is_for_queue:
                self._leave_in_store(run)
            else:
                self._launch(run)
            return
        self._scheduler.cancel_reservation(run)
        del self._runs[written.run_id]
        match written.result:
            case "conflict":
                run.refuse(None)
            case "full":
                error = self._scheduler.queue_full(queued=self._max_queued_runs)
                self._metrics.run_refused(error)
                run.refuse(error)
            case "unstorable":
                run.refuse(UnstorableRunError(written.reason))
            case _:
                run.refuse(StoreUnavailableError(written.reason))
                self._unconfirmed.append(written.run_id)

    def _launch(self, run: ActiveRun) -> None:
        if self.is_draining and self._is_for_next_server(run):
            self._hand_back(run)
        else:
            self._scheduler.add(run)

    # --- out ---

    def stop_admitting(self) -> list[str]:
        """Admit no more runs, and leave those that have not begun to the next server; return the ids of these."""
        self.is_draining = True
        open_runs = self.open_runs()
        for run in open_runs:
            if run.phase == "waiting":
                self._end_wait(run)
            elif run.phase == "queued" and self._is_for_next_server(run):
                self._hand_back(run)
        return [run.record.run_id for run in open_runs if run.phase == "handed_back"]

    def shut_down(self, run: ActiveRun) -> None:
        """Ask a run to stop, since this worker ends."""
        self._scheduler.stop(run, RunCancelledError(_SHUT_DOWN))

    def _is_for_next_server(self, run: ActiveRun) -> bool:
        """Whether the store has the run as queued, so that the next server can run it."""
        return run.is_promised and self._is_shared and run.record.status == run.stored == "queued"

    def _end_wait(self, run: ActiveRun) -> None:
        """Leave a run that waits for its next attempt to the next server, or end it."""
        if self._is_for_next_server(run):
            self._hand_back(run)
        elif not (run.is_promised and self._is_shared):
            self.shut_down(run)
        # Else it is handed back when it is on disk that it waits.

    def _leave_in_store(self, run: ActiveRun) -> None:
        """Leave a run to the worker that takes it from the queue of the store next, which may be this one."""
        self._hand_back(run)
        self._store_queue.added(run)

    def _hand_back(self, run: ActiveRun) -> None:
        self._scheduler.hand_back(run)
        del self._runs[run.record.run_id]
