"""Executes each run in a thread of this process."""

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from anyio import from_thread
from anyio.lowlevel import current_token

from kedro_asgi.dispatch.executors.base import Execution, GivenRun
from kedro_asgi.dispatch.executors.job_threads import Job, JobThreads
from kedro_asgi.dispatch.executors.run_attempt import RunAttempt
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.dispatch.run_logging import LINE_EMITTER
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.errors import NoThreadError, RunStoppedError
from kedro_asgi.run_context import run_facts
from kedro_asgi.runner.stopping import StopSignal
from kedro_asgi.runs import RunId
from kedro_asgi.session import AsyncSession, Convert
from kedro_asgi.session.event_loop import call_soon

if TYPE_CHECKING:
    from kedro_asgi.session import KedroServiceSession

_log = SafeLogger(__name__)

_THREAD_NAME = "kedro-asgi-run"


class ThreadExecutor:
    """An `Executor` that has at most as many threads as runs at a time; they are daemons and are used again.

    Where hooks keep the state of a run in thread-local variables, each run has a thread of its own.
    """

    def __init__(self, session: AsyncSession, convert: Convert, *, full_tracebacks: bool = False) -> None:
        self._session = session
        self._convert = convert
        self._full_tracebacks = full_tracebacks
        self._loop = current_token()
        self._stop_signals: dict[RunId, StopSignal] = {}
        self._threads = JobThreads(_THREAD_NAME)
        # Ends that the event loop does not know yet; one call into the loop announces all of them.
        self._ends: deque[Callable[[], None]] = deque()
        self._is_loop_called = False

    def start(self, run: GivenRun) -> None:
        stop = self._stop_signals[run.run_id] = StopSignal()
        finish = partial(self._finish, run)
        attempt = RunAttempt(
            run_id=run.run_id,
            read_spec=run.read_spec,
            find_session=self._session_of_runs,
            convert=self._convert,
            emit=run.emit,
            stop=stop,
            loop=self._loop,
            full_tracebacks=self._full_tracebacks,
        )
        work = partial(run.context.run, self._execute, attempt, finish)
        try:
            if self._session.needs_own_threads:
                threading.Thread(target=work, name=_THREAD_NAME, daemon=True).start()
            else:
                self._threads.put(Job(work=work, kind=run.pipeline_names))
        except RuntimeError as problem:
            error = report_failure(run.run_id, NoThreadError(str(problem)))
            self._end(partial(finish, Execution(error=error)))

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        if (signal := self._stop_signals.get(run_id)) is not None:
            signal.stop(reason)

    @property
    def is_open(self) -> bool:
        return True

    @property
    def problem(self) -> str | None:
        return None

    def gauges(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        self._threads.close()

    def _finish(self, run: GivenRun, execution: Execution) -> None:
        del self._stop_signals[run.run_id]
        try:
            run.ended(execution)
        except Exception:
            # The ends of other runs come with the same call into the loop.
            _log.exception("The end of run %s could not be noted.", run.run_id, extra=run_facts(run.run_id))

    def _announce_ends(self) -> None:
        # Before the look: an end that comes after the last look calls again.
        self._is_loop_called = False
        while self._ends:
            self._ends.popleft()()

    # --- in a run's thread ---

    def _end(self, finish: Callable[[], None]) -> None:
        """Have ``finish`` called on the event loop, with all ends that come before the loop gets its turn."""
        self._ends.append(finish)
        if not self._is_loop_called:
            self._is_loop_called = True
            call_soon(self._loop, self._announce_ends)

    def _session_of_runs(self) -> "KedroServiceSession":
        return self._session.prepared or from_thread.run(self._session.open, token=self._loop).value()

    def _execute(self, attempt: RunAttempt, finish: Callable[[Execution], None]) -> bool:
        """Execute a run in this thread, and tell whether the thread ends with it; raises nothing."""
        # The context is the run's own, so that nothing is set back.
        LINE_EMITTER.set((attempt.run_id, attempt.emit))
        self._end(partial(finish, attempt.execute()))
        return self._session.needs_own_threads
