"""Executes each run in a thread of this process."""

import threading
from collections.abc import Callable
from contextvars import Context
from functools import partial
from queue import SimpleQueue

from anyio.lowlevel import current_token

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.dispatch.run_logging import LINE_EMITTER
from kedro_asgi.errors import NoThreadError, RunStoppedError
from kedro_asgi.events import Emit
from kedro_asgi.run_context import CURRENT_RUN
from kedro_asgi.runner.stopping import StopSignal
from kedro_asgi.runs import ErrorDetail, RunId, RunSpec
from kedro_asgi.session import AsyncSession, Convert
from kedro_asgi.session.event_loop import call_soon

Job = Callable[[], bool]


class ThreadExecutor:
    """An `Executor` that has as many threads as runs at a time; they are daemons and are used again.

    Where hooks keep the state of a run in thread-local variables, each run has a thread of its own.
    """

    def __init__(self, session: AsyncSession, convert: Convert, *, full_tracebacks: bool = False) -> None:
        self._session = session
        self._convert = convert
        self._full_tracebacks = full_tracebacks
        self._loop = current_token()
        self._stop_signals: dict[RunId, StopSignal] = {}
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads = 0

    def start(
        self,
        run_id: RunId,
        read_spec: Callable[[], RunSpec],
        *,
        context: Context,
        emit: Emit,
        ended: Callable[[Execution], None],
    ) -> None:
        stop = self._stop_signals[run_id] = StopSignal()
        finish = partial(self._finish, run_id, ended)
        try:
            if len(self._stop_signals) > self._threads:
                self._add_thread()
        except RuntimeError as problem:
            error = report_failure(run_id, NoThreadError(str(problem)))
            call_soon(self._loop, partial(finish, Execution(error=error)))
        else:
            self._jobs.put(partial(context.run, self._execute, run_id, read_spec, stop, emit, finish))

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        if (signal := self._stop_signals.get(run_id)) is not None:
            signal.stop(reason)

    def close(self) -> None:
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _finish(
        self, run_id: RunId, ended: Callable[[Execution], None], execution: Execution, *, ends_thread: bool = False
    ) -> None:
        del self._stop_signals[run_id]
        # After `close`, no thread is counted any more.
        self._threads -= ends_thread and self._threads > 0
        ended(execution)

    def _add_thread(self) -> None:
        threading.Thread(target=self._work, name=f"kedro-asgi-run-{self._threads + 1}", daemon=True).start()
        self._threads += 1

    # --- in a run's thread ---

    def _report(self, run_id: RunId, error: BaseException) -> ErrorDetail:
        """Describe and log ``error``; raises nothing, since a run whose thread ends here would never end."""
        try:
            return report_failure(run_id, error, with_our_frames=self._full_tracebacks)
        except BaseException as problem:  # an error of user code may raise anything when it is looked at
            return ErrorDetail(
                type=type(error).__qualname__, message=f"It cannot be described: {type(problem).__qualname__}"
            )

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job():
                return
            # A thread that waits must not keep its last run alive.
            del job

    def _execute(
        self,
        run_id: RunId,
        read_spec: Callable[[], RunSpec],
        stop: StopSignal,
        emit: Emit,
        finish: Callable[..., None],
    ) -> bool:
        """Execute a run in this thread, and tell whether the thread ends with it; raises nothing."""
        # The context is the run's own, so that nothing is set back.
        LINE_EMITTER.set((run_id, emit))
        CURRENT_RUN.set((run_id, ()))
        try:
            spec = read_spec()
            CURRENT_RUN.set((run_id, spec.slice.pipeline_names))
            result = self._session.execute_blocking(
                spec, host=self._loop, run_id=run_id, convert=self._convert, emit=emit, stop=stop
            )
            execution = Execution(outputs=result.outputs, output_problems=result.output_problems)
        except BaseException as error:  # a SystemExit of user code must not end the thread
            # The failure is reported here, since a traceback shows lines of files, which are read for it.
            execution = Execution(error=None if stop.reason is not None else self._report(run_id, error))
        ends_thread = self._session.needs_own_threads
        call_soon(self._loop, partial(finish, execution, ends_thread=ends_thread))
        return ends_thread
