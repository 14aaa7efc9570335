"""Starts runs, first come, first served, a limited number at a time, and ends them."""

from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.circuit_breaker import CircuitBreaker
from kedro_asgi.dispatch.executors.base import Execution, Executor, GivenRun
from kedro_asgi.dispatch.local_queue import LocalQueue
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.run_durations import RunDurations
from kedro_asgi.dispatch.run_ends import RunEnds
from kedro_asgi.dispatch.stopping_runs import StoppingRuns
from kedro_asgi.dispatch.store_queue import StoreQueue
from kedro_asgi.dispatch.supervision import LongLivedWork
from kedro_asgi.dispatch.timers import Timers
from kedro_asgi.errors import QueueFullError, RunInterruptedError, RunStoppedError, RunTimedOutError
from kedro_asgi.trace_context import opentelemetry_api
from kedro_asgi.tracing.activation import begin_run_span

if TYPE_CHECKING:
    from kedro_asgi.tracing.tracer import RunSpan


class Scheduler:
    """Queue, slots and deadlines. Belongs to one event loop; it has no task for each run: every step calls the next.

    A run keeps its slot until its executor has ended it, whatever was decided about the run by then. A promised run
    begins when its start is on disk; while the store fails, such runs give their slots to others. Free slots have runs
    claimed from the queue of the store.
    """

    def __init__(self, executor: Executor, metrics: Metrics, policy: Policy, store_queue: StoreQueue) -> None:
        self.capacity = policy.max_concurrent_runs
        self.deadlines = Timers(self._expire)
        self.next_attempts = Timers(self._queue_again)
        self.stopping = StoppingRuns(policy.stop_patience_seconds)
        self.circuit_breaker = CircuitBreaker()
        self._executor = executor
        self._metrics = metrics
        self._durations = RunDurations()
        self._ends = RunEnds(metrics, self.deadlines, max_attempts=policy.max_attempts)
        self._queue = LocalQueue(policy)
        self._slots: dict[ActiveRun, None] = {}
        self._is_store_up = True
        self._store_queue = store_queue

    def long_lived_work(self) -> tuple[LongLivedWork, ...]:
        """Return what goes on while the service is open."""
        return (
            LongLivedWork(name="end runs that take too long", do=self.deadlines.look),
            LongLivedWork(name="try runs again", do=self.next_attempts.look),
            LongLivedWork(name="tell of runs that do not stop", do=self.stopping.look),
        )

    @property
    def taken_slots(self) -> int:
        """How many slots are taken."""
        return len(self._slots)

    @property
    def is_stuck(self) -> bool:
        """Whether every slot is taken by a run that was asked to stop and does not."""
        return self.stopping.stuck >= self.capacity > 0

    @property
    def queued(self) -> int:
        """How many runs wait for a slot, or will."""
        return len(self._queue)

    @property
    def queued_bytes(self) -> int:
        """How much memory the orders of waiting runs take."""
        return self._queue.order_bytes

    @property
    def waiting(self) -> int:
        """How many runs wait for the time of their next attempt."""
        return len(self._queue.between_attempts)

    @property
    def is_busy(self) -> bool:
        """Whether a run that comes now has to wait."""
        return self.taken_slots + self.queued >= self.capacity

    @property
    def has_room(self) -> bool:
        """Whether the orders of waiting runs take less memory than they may."""
        return self._queue.has_room

    @property
    def room(self) -> int:
        """How many runs this worker may take from the queue of the store now."""
        return self._store_queue.room(
            self.capacity,
            running=self.taken_slots,
            queued=self.queued,
            first=self._queue.queued.first,
            durations=self._durations,
        )

    # --- in ---

    def reserve(self, run: ActiveRun) -> None:
        """Keep a place in the queue for a run, until `add` or `cancel_reservation`; raises `QueueFullError`."""
        self._queue.reserve(
            run,
            capacity=self.capacity,
            running=self.taken_slots,
            retry_after_seconds=self._durations.retry_after_seconds,
        )

    def queue_full(self, *, queued: int) -> QueueFullError:
        """Return the error for a run that has no place in the queue of the store."""
        return QueueFullError(
            running=self.taken_slots,
            queued=queued,
            retry_after_seconds=self._durations.retry_after_seconds,
            queued_bytes=None,
        )

    def cancel_reservation(self, run: ActiveRun) -> None:
        """Give up the place that was kept for a run."""
        self._queue.reserved.discard(run)

    def add(self, run: ActiveRun) -> None:
        """Have a run started when its turn comes."""
        self.cancel_reservation(run)
        if run.stop_reason is not None:
            self._ends.stopped(run)
            return
        if (due := run.record.next_attempt_at) is not None:
            run.wait()
            self._wait_for_attempt(run, (due - datetime.now(UTC)).total_seconds())
            return
        self._enqueue(run)

    def _enqueue(self, run: ActiveRun) -> None:
        run.enqueue()
        self._take_turn(run)

    def _take_turn(self, run: ActiveRun) -> None:
        """Start a run that is queued if a slot is free and no other run waits for it, else have it wait."""
        if not self._queue.queued and len(self._slots) < self.capacity and (self._is_store_up or may_begin(run)):
            self._start(run)
            return
        self._queue.add(run)
        self._fill_slots()

    # --- from one attempt to the next ---

    def _wait_for_attempt(self, run: ActiveRun, seconds: float) -> None:
        """Keep a run without a slot until it is due; the time limit of a run that has started goes on."""
        self._queue.between_attempts.add(run)
        if run.record.started_at is not None:
            self._ends.watch_deadline(run)
        self.next_attempts.watch(run, seconds)

    def attempt_stored(self, run: ActiveRun) -> None:
        """It is on disk that a run waits for its next attempt."""
        self._queue_again(run)

    def _queue_again(self, run: ActiveRun) -> None:
        """Queue a run whose next attempt is due; a promised one not before it is on disk that it waits.

        Else a state of the last attempt, which is on its way to the disk, would count as the start of the next one.
        """
        is_on_disk = not run.is_promised or run.stored == "queued"
        if run.phase == "waiting" and is_on_disk and not self.next_attempts.is_watched(run):
            self._queue.between_attempts.discard(run)
            self._enqueue(run)

    # --- on the way ---

    def _fill_slots(self) -> None:
        self.start_queued()
        queue = self._store_queue
        if queue.since is not None and self.room > queue.ahead(self.capacity, self.taken_slots, self._durations) // 2:
            queue.wake()

    def start_queued(self) -> None:
        """Start waiting runs in free slots; a run waits on if the queue of the store has an older one."""
        while self._queue.queued and len(self._slots) < self.capacity and (run := self._next()) is not None:
            self._queue.queued.discard(run)
            self._start(run)

    def _take_slot(self, run: ActiveRun) -> None:
        self._slots[run] = None

    def _free_slot(self, run: ActiveRun) -> None:
        """Take the slot of a run back; `_fill_slots` gives it to another."""
        del self._slots[run]

    def _start(self, run: ActiveRun) -> None:
        self._take_slot(run)
        is_first = run.record.started_at is None
        run.start()
        if is_first:
            self._metrics.run_started(run.record)
        if may_begin(run):
            self._begin(run)

    def _next(self) -> ActiveRun | None:
        if self._is_store_up:
            first = self._queue.queued.first
            return None if self._store_queue.is_before(first) else first
        return next(filter(may_begin, self._queue.queued), None)

    def _begin(self, run: ActiveRun) -> None:
        begun, (read_spec, context) = perf_counter(), run.begin()
        self._ends.watch_deadline(run)
        # `begin_run_span` asks as well: without OpenTelemetry, a run saves the calls.
        span = None if opentelemetry_api() is None else begin_run_span(run.record, context)
        given = GivenRun(
            run_id=run.record.run_id,
            read_spec=read_spec,
            pipeline_names=run.record.pipeline_names,
            context=context,
            emit=run.outbox.emit,
            ended=partial(self._execution_ended, run, begun, span),
        )
        self._executor.start(given)

    def start_stored(self, run: ActiveRun) -> None:
        """The start of a promised run is on disk."""
        if run.phase == "starting":
            self._begin(run)
        elif run.phase == "queued":
            # It waits again, and may start now although the store fails.
            self._fill_slots()

    def store_changed(self, *, is_up: bool) -> None:
        """While the starts of promised runs cannot be written, give their slots to others; they come first later."""
        # First, so that no promised run takes a slot again meanwhile.
        self._is_store_up = is_up
        if not is_up:
            self._take_starting_back()
        self._fill_slots()

    def _take_starting_back(self) -> None:
        """Have runs wait again whose starts are not on disk, before all others."""
        for run in [run for run in reversed(self._slots) if run.phase == "starting"]:
            run.enqueue()
            self._free_slot(run)
            self._queue.queued.add_first(run)

    # --- out ---

    def stop(self, run: ActiveRun, reason: RunStoppedError) -> None:
        """Ask a run to stop: one that an executor has ends before its next node, one that waits ends now."""
        run.ask_stop(reason)
        if run.phase == "running":
            self.stopping.add(run)
            self._executor.stop(run.record.run_id, reason)
        elif run.phase in ("queued", "starting", "waiting"):
            self._ends.stopped(run)
            self._leave(run)

    def abandon(self, run: ActiveRun) -> None:
        """End a run that was asked to stop although its executor has not ended it; its slot stays taken."""
        self._ends.stopped(run)

    def hand_back(self, run: ActiveRun) -> None:
        """Leave a run that waits to the next server."""
        run.hand_back()
        self.cancel_reservation(run)
        self._ends.forget_deadline(run)
        self._leave(run)

    def lose(self, run: ActiveRun, reason: str) -> None:
        """Forget a run that cannot be recorded any more; one that is executed is stopped, and its slot stays taken.

        The code of the run gets the reason.
        """
        was_executed = run.phase in ("running", "ended")
        if run.phase == "running":
            # Another worker may have ended the run, or execute it again.
            self._executor.stop(run.record.run_id, RunInterruptedError(reason))
        run.lose()
        self._ends.forget_deadline(run)
        if not was_executed:
            self._leave(run)

    def _leave(self, run: ActiveRun) -> None:
        self._queue.queued.discard(run)
        if self._queue.between_attempts.discard(run):
            self.next_attempts.forget(run)
        if run in self._slots:
            self._free_slot(run)
            self._fill_slots()

    def _expire(self, run: ActiveRun) -> None:
        assert run.record.timeout_seconds is not None
        self.stop(run, RunTimedOutError(run.record.timeout_seconds))

    def _execution_ended(self, run: ActiveRun, begun: float, span: "RunSpan | None", execution: Execution) -> None:
        self._durations.ended(perf_counter() - begun)
        self._note_execution(run, execution, is_stopped=run.stop_reason is not None)
        if run.phase == "running":
            self._end(run, execution)
        self._free_slot(run)
        if span is not None:
            span.end(run.record.status, execution.error or run.record.error)
        self._fill_slots()

    def _note_execution(self, run: ActiveRun, execution: Execution, *, is_stopped: bool) -> None:
        """Count a crash; one of an execution that was asked to stop says nothing of its pipelines."""
        if execution.has_crashed:
            self._metrics.process_crashed()
        if is_stopped:
            self.stopping.discard(run)
        elif execution.has_crashed or self.circuit_breaker.crashes:
            self.circuit_breaker.note(run.record.pipeline_names, has_crashed=execution.has_crashed)

    def _end(self, run: ActiveRun, execution: Execution) -> None:
        if (seconds := self._ends.executed(run, execution)) is not None:
            self._wait_for_attempt(run, seconds)


def may_begin(run: ActiveRun) -> bool:
    """Whether a run that has a slot need not wait for its start to be on disk."""
    return not run.is_promised or run.stored == "running"
