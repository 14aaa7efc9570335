"""The runs that were asked to stop, and go on."""

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.timers import Timers
from kedro_asgi.run_context import run_facts

_log = SafeLogger(__name__)


class StoppingRuns:
    """Runs between the request to stop and their end; the log names once each run that takes too long. See `Timers`.

    A thread cannot be stopped from outside: its run goes on until its node returns or awaits.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._late = Timers(self._note_stuck)
        self._runs: set[ActiveRun] = set()
        self._stuck: set[ActiveRun] = set()

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def stuck(self) -> int:
        """How many runs have not stopped within the patience."""
        return len(self._stuck)

    def add(self, run: ActiveRun) -> None:
        """A run that is executed was asked to stop."""
        if run not in self._runs:
            self._runs.add(run)
            self._late.watch(run, self._patience_seconds)

    def discard(self, run: ActiveRun) -> None:
        """The execution of a run has ended."""
        if run in self._runs:
            self._runs.discard(run)
            self._stuck.discard(run)
            self._late.forget(run)

    async def look(self) -> None:
        """Wait until a run may take too long, and tell of it."""
        await self._late.look()

    def _note_stuck(self, run: ActiveRun) -> None:
        self._stuck.add(run)
        run_id = run.record.run_id
        text = "Run %s was asked to stop %g seconds ago and goes on: its slot is free when its node returns or awaits."
        _log.warning(text, run_id, self._patience_seconds, extra=run_facts(run_id, run.record.pipeline_names))
