"""Take in requests to run, and hand out how they ended: here failure becomes data."""

import logging
import traceback
from collections.abc import Callable
from time import perf_counter
from typing import Any

import anyio.to_thread

from kedro_asgi.errors import describe_error
from kedro_asgi.redaction import redact
from kedro_asgi.runs import ErrorDetail, RunId, RunIds, RunRecord, RunSpec
from kedro_asgi.session import AsyncSession

_log = logging.getLogger(__name__)


class Dispatcher:
    """Runs requests on a session and gives each its id; one for each server or host application."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._run_ids = RunIds()

    async def run(self, spec: RunSpec, *, convert: Callable[[str, Any], Any] | None = None) -> RunRecord:
        """Run ``spec`` to its end and say how it ended; raises nothing but cancellation.

        ``convert`` is applied to each wanted output in the run's thread; what it raises fails the run.
        """
        started, run_id = perf_counter(), self._run_ids.next()
        outcome = await self._session.execute(spec, run_id=run_id, convert=convert)
        duration_ms = round((perf_counter() - started) * 1000, 2)
        if outcome.error is not None:
            # In a thread: a traceback shows lines of files.
            error = await anyio.to_thread.run_sync(_report, run_id, outcome.error)
            return RunRecord(run_id=run_id, status="failure", duration_ms=duration_ms, error=error)
        _log.info("Pipeline run %s completed in %sms", run_id, duration_ms)
        outputs = outcome.value().outputs
        return RunRecord(run_id=run_id, status="success", duration_ms=duration_ms, outputs=outputs)


def run_error(error: BaseException) -> ErrorDetail:
    """Describe ``error`` for the outside: its type by Kedro's name, its message without credentials (SRV-29)."""
    kind, message = describe_error(error)
    # A name that a caller sent may hold half a surrogate pair, which no answer can carry (SRV-22).
    return ErrorDetail(type=kind, message=redact(message).encode(errors="backslashreplace").decode())


def _report(run_id: RunId, error: BaseException) -> ErrorDetail:
    described = run_error(error)
    trace = redact("".join(traceback.format_exception(error)))
    _log.error("Pipeline run %s failed: %s\n%s", run_id, described.message, trace)
    return described
