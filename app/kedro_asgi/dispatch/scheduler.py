"""Starts runs in the order in which they come, so many at a time, and ends them."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from logging import INFO
from time import perf_counter
from typing import TYPE_CHECKING

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.circuit_breaker import CircuitBreaker
from kedro_asgi.dispatch.deadlines import Deadlines
from kedro_asgi.dispatch.executors.base import Execution, Executor
from kedro_asgi.dispatch.interruptions import pause_seconds
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.report import report_stop, report_success, run_log
from kedro_asgi.dispatch.stopping_runs import StoppingRuns
from kedro_asgi.errors import QueueFullError, RunInterruptedError, RunStoppedError, RunTimedOutError
from kedro_asgi.tracing.activation import begin_run_span

if TYPE_CHECKING:
    from kedro_asgi.tracing.tracer import RunSpan

# A worker takes so many runs ahead as it likely ends in this time, which covers a transaction.
_AHEAD_SECONDS = 0.1
_MOST_AHEAD = 64


class Scheduler:
    """Queue, slots and deadlines. Belongs to one event loop; it has no task for each run: every step calls the next.

    A run keeps its slot until its executor has ended it, whatever was decided about the run by then. A promised run
    begins when its start is on disk; while the store fails, such runs give their slots to others. Where the store has a
    queue for all workers, ``wake_claims`` has runs taken from it for free slots.
    """

    def __init__(
        self,
        executor: Executor,
        metrics: Metrics,
        policy: Policy,
        *,
        wake_claims: Callable[[], None] = lambda: None,
    ) -> None:
        self.capacity = policy.max_concurrent_runs
        self.deadlines = Deadlines(self._expire)
        self.next_attempts = Deadlines(self._queue_again)
        self.stopping = StoppingRuns(policy.stop_patience_seconds)
        self.circuit_breaker = CircuitBreaker()
        self._max_queued = policy.max_queued_runs
        self._max_queued_bytes = policy.max_queued_bytes
        self._max_attempts = policy.max_attempts
        self.queued_bytes = 0
        """How much memory the orders of waiting runs take."""
        self._executor = executor
        self._metrics = metrics
        self._mean_seconds = 0.0
        self._last_end = 0.0
        # Each waiting run with the size of its order.
        self._reserved: dict[ActiveRun, int] = {}
        self._queue: OrderedDict[ActiveRun, int] = OrderedDict()
        self._slots: dict[ActiveRun, None] = {}
        self._waiting: dict[ActiveRun, int] = {}
        self._is_store_up = True
        self._wake_claims = wake_claims
        self._claims_ahead = policy.max_fleet_runs is None
        self.store_queue_since: datetime | None = None
        """Since when runs wait in the queue of the store, as far as this worker knows."""

    def long_lived_work(self) -> tuple[tuple[str, Callable[[], Awaitable[object]], float], ...]:
        """Return what goes on while the service is open, as `Service` names it."""
        return (
            ("end runs that take too long", self.deadlines.look, 0.0),
            ("try runs again", self.next_attempts.look, 0.0),
            ("tell of runs that do not stop", self.stopping.look, 0.0),
        )

    @property
    def running(self) -> int:
        """How many slots are taken."""
        return len(self._slots)

    @property
    def is_stuck(self) -> bool:
        """Whether every slot is taken by a run that was asked to stop and does not."""
        return self.stopping.stuck >= self.capacity > 0

    @property
    def queued(self) -> int:
        """How many runs wait for a slot, or will."""
        return len(self._queue) + len(self._reserved)

    @property
    def waiting(self) -> int:
        """How many runs wait for the time of their next attempt."""
        return len(self._waiting)

    @property
    def is_busy(self) -> bool:
        """Whether a run that comes now has to wait."""
        return self.running + self.queued >= self.capacity

    @property
    def has_room(self) -> bool:
        """Whether the orders of waiting runs take less memory than they may."""
        return self.queued_bytes <= self._max_queued_bytes

    @property
    def room(self) -> int:
        """How many runs this worker may take from the queue of the store now.

        They are those for free slots, and a few more where runs end so soon that they would wait for the next ones.
        """
        free = self.capacity - self.running
        room = free + self._ahead - self.queued if self.capacity else 0
        return max(room, free if self._store_queue_is_next else 0)

    @property
    def _ahead(self) -> int:
        if not self._claims_ahead or not self._mean_seconds:
            return 0
        if self.running >= self.capacity and perf_counter() - self._last_end > 2 * _AHEAD_SECONDS:
            # The runs that are executed now take longer than usual.
            return 0
        return min(_MOST_AHEAD, int(self.capacity * _AHEAD_SECONDS / self._mean_seconds))

    @property
    def _store_queue_is_next(self) -> bool:
        """Whether a run in the queue of the store is older than all that wait here."""
        since, first = self.store_queue_since, next(iter(self._queue), None)
        return since is not None and (first is None or since < first.record.created_at)

    # --- in ---

    def reserve(self, run: ActiveRun) -> None:
        """Keep a place in the queue for a run, until `add` or `cancel_reservation`; raises `QueueFullError`."""
        is_full = self.running + self.queued >= self.capacity + self._max_queued
        if is_full or (self.is_busy and self.queued_bytes + run.order_bytes > self._max_queued_bytes):
            raise self.queue_full(queued=self.queued, queued_bytes=None if is_full else self.queued_bytes)
        if run.is_promised:
            # The others come at once.
            self._wait_in(self._reserved, run)

    def queue_full(self, *, queued: int, queued_bytes: int | None = None) -> QueueFullError:
        """Return the error for a run that has no place in the queue."""
        seconds = max(1, min(60, round(self._mean_seconds)))
        return QueueFullError(
            running=self.running, queued=queued, retry_after_seconds=seconds, queued_bytes=queued_bytes
        )

    def cancel_reservation(self, run: ActiveRun) -> None:
        """Give up the place that was kept for a run."""
        self._wait_no_more(self._reserved, run)

    def _wait_in(self, runs: dict[ActiveRun, int], run: ActiveRun) -> None:
        runs[run] = run.order_bytes
        self.queued_bytes += run.order_bytes

    def _wait_no_more(self, runs: dict[ActiveRun, int], run: ActiveRun) -> None:
        self.queued_bytes -= runs.pop(run, 0)

    def add(self, run: ActiveRun) -> None:
        """Have a run started when its turn comes."""
        self.cancel_reservation(run)
        if run.stop_reason is not None:
            self._end_stopped(run)
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
        if not self._queue and len(self._slots) < self.capacity and (self._is_store_up or _may_begin(run)):
            self._start(run)
            return
        self._wait_in(self._queue, run)
        if run.was_claimed:
            for other in [other for other in self._queue if other.record.created_at > run.record.created_at]:
                self._queue.move_to_end(other)
        self._fill_slots()

    # --- from one attempt to the next ---

    def _wait_for_attempt(self, run: ActiveRun, seconds: float) -> None:
        """Keep a run without a slot until it is due; the time limit of a run that has started goes on."""
        self._wait_in(self._waiting, run)
        if run.record.started_at is not None:
            self._watch_deadline(run)
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
            self._wait_no_more(self._waiting, run)
            self._enqueue(run)

    # --- on the way ---

    def _fill_slots(self) -> None:
        self._start_queued()
        if self.store_queue_since is not None and self.room > self._ahead // 2:
            self._wake_claims()

    def _start_queued(self) -> None:
        while self._queue and len(self._slots) < self.capacity and (run := self._next()) is not None:
            self._wait_no_more(self._queue, run)
            self._start(run)

    def store_queue_changed(self, since: datetime | None) -> None:
        """Runs wait in the queue of the store since that time; ``None``: none does."""
        self.store_queue_since = since
        self._start_queued()

    def _start(self, run: ActiveRun) -> None:
        self._slots[run] = None
        is_first = run.record.started_at is None
        run.start()
        if is_first:
            self._metrics.run_started(run.record)
        if _may_begin(run):
            self._begin(run)

    def _next(self) -> ActiveRun | None:
        if self._is_store_up:
            return None if self._store_queue_is_next else next(iter(self._queue), None)
        return next(filter(_may_begin, self._queue), None)

    def _begin(self, run: ActiveRun) -> None:
        begun, (read_spec, context) = perf_counter(), run.begin()
        self._watch_deadline(run)
        span = begin_run_span(run.record, context)
        self._executor.start(
            run.record.run_id,
            read_spec,
            kind=run.record.pipeline_names,
            context=context,
            emit=run.outbox.emit,
            ended=partial(self._execution_ended, run, begun, span),
        )

    def start_stored(self, run: ActiveRun) -> None:
        """The start of a promised run is on disk."""
        if run.phase == "starting":
            self._begin(run)
        elif run.phase == "queued":
            # It waits again, and may start now although the store fails.
            self._fill_slots()

    def store_changed(self, *, is_up: bool) -> None:
        """While the starts of promised runs cannot be written, give their slots to others; they come first later."""
        self._is_store_up = is_up
        for run in [run for run in reversed(self._slots) if run.phase == "starting" and not is_up]:
            run.enqueue()
            del self._slots[run]
            self._wait_in(self._queue, run)
            self._queue.move_to_end(run, last=False)
        self._fill_slots()

    # --- out ---

    def stop(self, run: ActiveRun, reason: RunStoppedError) -> None:
        """Ask a run to stop: one that an executor has ends before its next node, one that waits ends now."""
        run.ask_stop(reason)
        if run.phase == "running":
            self.stopping.add(run)
            self._executor.stop(run.record.run_id, reason)
        elif run.phase in ("queued", "starting", "waiting"):
            self._end_stopped(run)
            self._leave(run)

    def abandon(self, run: ActiveRun) -> None:
        """End a run that was asked to stop although its executor has not ended it; its slot stays taken."""
        self._end_stopped(run)

    def hand_back(self, run: ActiveRun) -> None:
        """Leave a run that waits to the next server."""
        run.hand_back()
        self.cancel_reservation(run)
        self._forget_deadline(run)
        self._leave(run)

    def lose(self, run: ActiveRun) -> None:
        """Forget a run that cannot be recorded any more; one that is executed is stopped, and its slot stays taken."""
        was_executed = run.phase in ("running", "ended")
        if run.phase == "running":
            # Another worker may have ended the run, or execute it again.
            self._executor.stop(run.record.run_id, RunInterruptedError("Another worker has the run now."))
        run.lose()
        self._forget_deadline(run)
        if not was_executed:
            self._leave(run)

    def _leave(self, run: ActiveRun) -> None:
        self._wait_no_more(self._queue, run)
        if run in self._waiting:
            self._wait_no_more(self._waiting, run)
            self.next_attempts.forget(run)
        if run in self._slots:
            del self._slots[run]
            self._fill_slots()

    def _expire(self, run: ActiveRun) -> None:
        assert run.record.timeout_seconds is not None
        self.stop(run, RunTimedOutError(run.record.timeout_seconds))

    def _execution_ended(self, run: ActiveRun, begun: float, span: "RunSpan | None", execution: Execution) -> None:
        self._last_end = perf_counter()
        self._mean_seconds += (self._last_end - begun - self._mean_seconds) * 0.1
        if execution.has_crashed:
            self._metrics.process_crashed()
        if run.stop_reason is None:
            self.circuit_breaker.note(run.record.pipeline_names, has_crashed=execution.has_crashed)
        else:
            self.stopping.discard(run)
        if run.phase == "running":
            self._end(run, execution)
        del self._slots[run]
        if span is not None:
            span.end(run.record.status, execution.error or run.record.error)
        self._fill_slots()

    def _end(self, run: ActiveRun, execution: Execution) -> None:
        if execution.error is not None:
            seconds = execution.retry_after_seconds
            if seconds is None and execution.is_interrupted and run.may_repeat(max_attempts=self._max_attempts):
                seconds = pause_seconds(run.record.run_attempt + 1)
            if seconds is not None and run.stop_reason is None:
                run.retry(execution.error, seconds)
                self._metrics.run_retried()
                self._wait_for_attempt(run, seconds)
                return
            run.end("interrupted" if execution.is_interrupted else "failure", execution.error)
        elif run.stop_reason is not None:
            # Also if its last node was done by then: a caller that asks for a stop does not get a success.
            self._end_stopped(run)
            return
        else:
            run.end("success", outputs=execution.outputs, output_problems=execution.output_problems)
            if run_log.isEnabledFor(INFO):
                report_success(run.record, request_id=run.request_id)
        self._ended(run)

    def _end_stopped(self, run: ActiveRun) -> None:
        assert run.stop_reason is not None
        report_stop(run.record, run.stop_reason, request_id=run.request_id)
        run.end_stopped()
        self._ended(run)

    def _watch_deadline(self, run: ActiveRun) -> None:
        if (seconds := run.remaining_seconds) is not None:
            self.deadlines.watch(run, seconds)

    def _forget_deadline(self, run: ActiveRun) -> None:
        if run.record.timeout_seconds is not None:
            self.deadlines.forget(run)

    def _ended(self, run: ActiveRun) -> None:
        self._forget_deadline(run)
        self._metrics.run_ended(run.record)
        if run.record.retry_count:
            self._metrics.nodes_retried(run.node_retries)
        if not run.is_promised:
            run.announce()


def _may_begin(run: ActiveRun) -> bool:
    """Whether a run that has a slot need not wait for its start to be on disk."""
    return not run.is_promised or run.stored == "running"
