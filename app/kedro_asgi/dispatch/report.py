"""How a run's error is told to the outside, and to the log."""

import logging
import traceback

from kedro_asgi.errors import RunStoppedError, describe_error
from kedro_asgi.redaction import redact
from kedro_asgi.runs import ErrorDetail, RunId

_log = logging.getLogger(__name__)


def run_error(error: BaseException) -> ErrorDetail:
    """Describe ``error`` for the outside: its type by Kedro's name, its message without credentials (SRV-29)."""
    kind, message = describe_error(error)
    # A name that a caller sent may hold half a surrogate pair, which no answer can carry (SRV-22).
    return ErrorDetail(type=kind, message=redact(message).encode(errors="backslashreplace").decode())


def report_failure(run_id: RunId, error: BaseException) -> ErrorDetail:
    """Describe ``error`` and log its traceback; reads the files that the traceback shows lines of."""
    described = run_error(error)
    trace = redact("".join(traceback.format_exception(error)))
    _log.error("Pipeline run %s failed: %s\n%s", run_id, described.message, trace)
    return described


def report_stop(run_id: RunId, reason: RunStoppedError) -> None:
    """Log that a run was stopped."""
    _log.info("Pipeline run %s ended as %s: %s", run_id, reason.status, reason)


def report_success(run_id: RunId, duration_ms: float | None) -> None:
    """Log that a run succeeded."""
    _log.info("Pipeline run %s completed in %sms", run_id, duration_ms)
