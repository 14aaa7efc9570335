"""How the runs of a worker end when it shuts down: after a grace, on request, or not at all."""

from datetime import UTC, datetime, timedelta

import anyio

from kedro_asgi.dispatch.owned_runs import OwnedRuns
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.scheduler import Scheduler
from kedro_asgi.run_context import run_facts

_log = SafeLogger(__name__)

# How often the service looks, during the grace, for nodes that wait for their next attempts.
_LOOK_SECONDS = 0.1
# How long runs that were asked to stop may take before the service closes over them.
_LAST_SECONDS = 1.0


async def end_runs(runs: OwnedRuns, scheduler: Scheduler, *, grace_seconds: float | None) -> None:
    """Let running runs go on for a while, then stop them; leave those behind that do not stop."""
    await _give_grace(runs, grace_seconds)
    for run in runs.open_runs():
        runs.shut_down(run)
    await _wait_for_runs(runs)
    for run in runs.open_runs():
        if run.phase == "running":
            run_id = run.record.run_id
            _log.warning("Run %s did not stop in time: the server closes without it.", run_id, extra=run_facts(run_id))
            scheduler.abandon(run)
    await _wait_for_runs(runs)


async def _give_grace(runs: OwnedRuns, seconds: float | None) -> None:
    """Wait for runs to end; stop those at once in which a node waits for an attempt after that time."""
    ends_at = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    with anyio.move_on_after(seconds):
        while open_runs := runs.open_runs():
            for run in open_runs:
                due = run.outbox.last_attempt_at
                if due is not None and ends_at is not None and due > ends_at and run.stop_reason is None:
                    runs.shut_down(run)
            with anyio.move_on_after(_LOOK_SECONDS):
                await open_runs[0].closed()


async def _wait_for_runs(runs: OwnedRuns) -> None:
    with anyio.move_on_after(_LAST_SECONDS):
        for run in runs.open_runs():
            await run.closed()
