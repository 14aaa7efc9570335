"""Describes how a run ended, for the record and for the log."""

import logging
import traceback
from pathlib import Path
from typing import Any

from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.errors import KedroAsgiError, RunStoppedError, describe_error
from kedro_asgi.errors.wording import one_line, shortened
from kedro_asgi.failures import describe_failure, place_text, with_code
from kedro_asgi.redaction import redact
from kedro_asgi.run_context import run_facts
from kedro_asgi.runs import ErrorDetail, RunId, RunRecord
from kedro_asgi.trace_context import trace_id_of
from kedro_asgi.tracebacks import folded_traceback, full_traceback

run_log = SafeLogger(__name__)

_PACKAGE = str(Path(__file__).parent.parent)
# The traceback has the full text.
_SUMMARY_LENGTH = 1000


def report_failure(run_id: RunId, error: BaseException, *, with_our_frames: bool = False) -> ErrorDetail:
    """Describe ``error`` and log it, with its traceback if that leads through more than our own code.

    Reads the files that the traceback shows lines of. The log has the full text of the error, once.
    """
    described = with_code(describe_failure(error))
    about, summary = run_facts(run_id, node=described.node), one_line(shortened(described.message, _SUMMARY_LENGTH))
    if _is_all_ours(error):
        about["exception"] = {"type": described.type, "message": described.message}
        _log_line(about, logging.ERROR, "failed: %s: %s", described.type, one_line(redact(describe_error(error)[1])))
    else:
        trace = full_traceback(error) if with_our_frames else folded_traceback(error)
        place = one_line(place_text(described).strip())
        about["exception"] = {"type": described.type, "message": described.message, "stack": trace}
        _log_line(about, logging.ERROR, "failed: %s\n%s", summary, "\n".join(filter(None, (place, trace))))
    return described


def _is_all_ours(error: BaseException) -> bool:
    """Whether the message of an error says all, as it does for a wrong request."""
    frames = traceback.walk_tb(error.__traceback__)
    is_here = all(frame.f_code.co_filename.startswith(_PACKAGE) for frame, _ in frames)
    return is_here and isinstance(error, KedroAsgiError) and error.__cause__ is None


def report_stop(record: RunRecord, reason: RunStoppedError, *, request_id: str | None = None) -> None:
    """Log that a run was stopped."""
    _log_line(_facts(record, request_id), logging.INFO, "ended as %s: %s", reason.status, str(reason))


def report_success(record: RunRecord, *, request_id: str | None = None) -> None:
    """Log that a run succeeded."""
    _log_line(_facts(record, request_id), logging.INFO, "completed in %sms", record.duration_ms)


def _facts(record: RunRecord, request_id: str | None) -> dict[str, Any]:
    trace_id = trace_id_of(record.trace_context)
    return run_facts(record.run_id, record.pipeline_names, trace_id=trace_id, request_id=request_id)


def _log_line(about: dict[str, Any], level: int, text: str, *facts: object) -> None:
    """Log a line about a run."""
    run_log.log_line(level, f"Pipeline run %s {text}", about["run_id"], *facts, facts=about)
