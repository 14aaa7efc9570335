"""How runs end, or come to wait for their next attempts."""

from logging import INFO

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.repetition_pause import pause_seconds
from kedro_asgi.dispatch.report import report_stop, report_success, run_log
from kedro_asgi.dispatch.timers import Timers


class RunEnds:
    """Ends runs, counts and reports their ends. Belongs to one event loop."""

    def __init__(self, metrics: Metrics, deadlines: Timers[ActiveRun], *, max_attempts: int) -> None:
        self._metrics = metrics
        self._deadlines = deadlines
        self._max_attempts = max_attempts

    def executed(self, run: ActiveRun, execution: Execution) -> float | None:
        """End a run that an executor has ended; a run that is to be tried again waits: return for how many seconds."""
        if execution.error is not None:
            if (seconds := self._retry_seconds(run, execution)) is not None:
                run.retry(execution.error, seconds)
                self._metrics.run_retried()
                return seconds
            run.end("interrupted" if execution.is_interrupted else "failure", execution.error)
        elif run.stop_reason is not None:
            # Also if its last node was done by then: a caller that asks for a stop does not get a success.
            self.stopped(run)
            return None
        else:
            run.end("success", outputs=execution.outputs, output_problems=execution.output_problems)
            if run_log.isEnabledFor(INFO):
                report_success(run.record, request_id=run.request_id)
        self._ended(run)
        return None

    def stopped(self, run: ActiveRun) -> None:
        """End a run that was asked to stop."""
        assert run.stop_reason is not None
        report_stop(run.record, run.stop_reason, request_id=run.request_id)
        run.end_stopped()
        self._ended(run)

    def watch_deadline(self, run: ActiveRun) -> None:
        """Have a run stopped when its time is over, if it has a limit."""
        if (seconds := run.remaining_seconds) is not None:
            self._deadlines.watch(run, seconds)

    def forget_deadline(self, run: ActiveRun) -> None:
        """Let a run be, however long it takes."""
        if run.record.timeout_seconds is not None:
            self._deadlines.forget(run)

    def _retry_seconds(self, run: ActiveRun, execution: Execution) -> float | None:
        """Return when a run that has failed is tried again; ``None``: it is not."""
        seconds = execution.retry_delay_seconds
        if seconds is None and execution.is_interrupted and run.may_repeat(max_attempts=self._max_attempts):
            seconds = pause_seconds(run.record.run_attempt + 1)
        return seconds if run.stop_reason is None else None

    def _ended(self, run: ActiveRun) -> None:
        self.forget_deadline(run)
        self._metrics.run_ended(run.record)
        if run.record.retry_count:
            self._metrics.nodes_retried(run.node_retries)
        if not run.is_promised:
            run.announce()
