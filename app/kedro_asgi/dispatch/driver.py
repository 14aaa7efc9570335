"""Takes runs from their admission to their end: first come, first served, so many at a time."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from anyio.lowlevel import EventLoopToken, current_token

from kedro_asgi.dispatch.journal import Journal
from kedro_asgi.dispatch.life import Life, now
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.report import report_failure, report_stop, report_success
from kedro_asgi.dispatch.run_logging import CURRENT
from kedro_asgi.dispatch.threads import Threads
from kedro_asgi.errors import NoThreadError, QueueFullError, RunStoppedError
from kedro_asgi.events import RunStarted
from kedro_asgi.runs import ErrorDetail
from kedro_asgi.session import AsyncSession, Outcome, RunResult
from kedro_asgi.session.asynchronous import Convert
from kedro_asgi.session.event_loop import call_soon

_ABSENT = object()


class Driver:
    """A state machine on one event loop, without a task for each run: what happens next is called when it may happen.

    A run keeps its place until its thread really ends, whatever was decided about the run by then. A promised run
    starts when its start is on disk; while the store fails, such runs give way to others.
    """

    def __init__(
        self,
        session: AsyncSession,
        journal: Journal,
        metrics: Metrics,
        policy: Policy,
        *,
        convert: Convert,
        began: Callable[[Life], None],
    ) -> None:
        self.running = 0
        self.capacity = policy.max_concurrent_runs
        self._max_queued = policy.max_queued_runs
        self._reserved = 0
        self._queue: OrderedDict[Life, None] = OrderedDict()
        self._starting: dict[Life, None] = {}
        self._session = session
        self._journal = journal
        self._metrics = metrics
        self._convert = convert
        self._began = began
        self._threads = Threads()
        self._loop: EventLoopToken = current_token()

    @property
    def queued(self) -> int:
        """How many wait for a place."""
        return len(self._queue) + self._reserved

    # --- in ---

    def reserve(self) -> None:
        """Keep a place for one that comes by `enter`, or not, by `cede`; raises `QueueFullError`."""
        if self.running + self.queued >= self.capacity + self._max_queued:
            seconds = max(1, min(60, round(self._metrics.mean_seconds)))
            raise QueueFullError(running=self.running, queued=self.queued, retry_after_seconds=seconds)
        self._reserved += 1

    def cede(self) -> None:
        """Give up a reserved place."""
        self._reserved -= 1

    def enter(self, life: Life, *, was_reserved: bool = True) -> None:
        """Start a run when its turn comes; one that was adopted needs no reservation."""
        self._reserved -= was_reserved
        if life.stop.reason is not None:
            self._end_stopped(life, life.stop.reason)
            return
        self._queue[life] = None
        self.go_on()

    def go_on(self) -> None:
        """Start as many of those who wait as may start now."""
        while self.running < self.capacity and (life := self._next()) is not None:
            self.running += 1
            self._start(life)

    def leave_queue(self, life: Life) -> None:
        """End a run that was asked to stop before it started."""
        if self._queue.pop(life, _ABSENT) is not _ABSENT:
            if life.is_handed_back:
                life.announce()
            else:
                self._end_stopped(life, life.stop.asked())

    def store_failed(self) -> None:
        """Let others start while the starts of promised runs cannot be written; these are first in the queue again."""
        self.running -= len(self._starting)
        while self._starting:
            life, _ = self._starting.popitem()
            self._queue[life] = None
            self._queue.move_to_end(life, last=False)
        self.go_on()

    def close(self) -> None:
        """End the threads."""
        self._threads.close()

    # --- on the way ---

    def _next(self) -> Life | None:
        is_healthy = self._journal.failure is None
        first = next((life for life in self._queue if is_healthy or self._may_start(life)), None)
        if first is not None:
            del self._queue[first]
        return first

    def _may_start(self, life: Life) -> bool:
        """Whether a run may start although the store fails."""
        return not life.is_promised or life.stored == "running"

    def _start(self, life: Life) -> None:
        if life.record.status == "queued":
            life.emit(RunStarted(run_id=life.record.run_id))
            life.change(status="running", started_at=now())
        if not life.is_promised or life.stored == "running":
            self._begin(life)
        else:
            self._starting[life] = None
            self._journal.flush(then=partial(self._start_is_written, life))

    def _start_is_written(self, life: Life) -> None:
        has_place = self._starting.pop(life, _ABSENT) is not _ABSENT
        if life.verdict == "lost":
            # Another worker has it.
            self._queue.pop(life, None)
            self._give_back(has_place)
        elif has_place:
            self._begin(life)
        else:
            self.go_on()

    def _give_back(self, has_place: bool) -> None:
        self.running -= has_place
        self.go_on()

    def _begin(self, life: Life) -> None:
        self._began(life)
        try:
            self._threads.start(partial(life.begin().run, self._work, life))
        except RuntimeError as problem:
            error = NoThreadError(str(problem))
            described = report_failure(life.record.run_id, error)
            # Soon: others that wait may start when it has ended, and end in the same way.
            call_soon(self._loop, partial(self._end, life, Outcome(error=error), described))

    def _work(self, life: Life) -> None:
        """Run in this thread, and say on the event loop how it ended; raises nothing."""
        CURRENT.set(life)
        run_id = life.record.run_id
        outcome = self._session.execute_here(
            life.order.spec,
            host=self._loop,
            run_id=run_id,
            convert=self._convert,
            emit=life.emit,
            stop=life.stop,
        )
        error = None
        if outcome.error is not None and life.stop.reason is None:
            # Here, since it reads files: a traceback shows lines of them.
            error = report_failure(run_id, outcome.error)
        call_soon(self._loop, partial(self._end, life, outcome, error))

    # --- out ---

    def _end(self, life: Life, outcome: Outcome[RunResult], error: ErrorDetail | None) -> None:
        self._threads.finished()
        self._metrics.count_seconds(life.seconds())
        if not life.is_over:
            self._decide(life, outcome, error)
        self._give_back(has_place=True)

    def _decide(self, life: Life, outcome: Outcome[RunResult], error: ErrorDetail | None) -> None:
        if life.stop.reason is not None and error is None:
            # Also if the last node was through by then: who asked for a stop does not get a success.
            self._end_stopped(life, life.stop.reason)
        elif error is not None:
            life.end("failure", error)
            self._announce(life)
        else:
            life.outputs = outcome.value().outputs
            life.end("success")
            report_success(life.record.run_id, life.record.duration_ms)
            self._announce(life)

    def _end_stopped(self, life: Life, reason: RunStoppedError) -> None:
        report_stop(life.record.run_id, reason)
        life.end_as(reason)
        self._announce(life)

    def abandon(self, life: Life) -> None:
        """Record the end of a run whose thread does not end."""
        self._end_stopped(life, life.stop.asked())

    def _announce(self, life: Life) -> None:
        self._metrics.ended[life.record.status] += 1
        if life.is_promised:
            self._journal.flush(then=life.announce)
        else:
            life.announce()
