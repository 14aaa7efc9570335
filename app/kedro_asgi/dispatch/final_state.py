"""The last state of a run: its final record, and the event that tells of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from kedro_asgi.dispatch.messages import RunChanged
from kedro_asgi.errors import RunStoppedError
from kedro_asgi.events import RunEnded
from kedro_asgi.runs import ErrorDetail, RunRecord, RunStatus


def end_of(
    record: RunRecord,
    status: RunStatus,
    error: ErrorDetail | None = None,
    *,
    saved: tuple[str, ...] = (),
    outputs: Mapping[str, Any] | None = None,
    output_problems: Mapping[str, str] = {},
) -> RunChanged:
    """Return the message that ends a run: its final record and its last event, which are stored together or not."""
    ended = datetime.now(UTC)
    started = record.started_at
    duration_ms = None if started is None else round((ended - started).total_seconds() * 1000, 2)
    final = msgspec.structs.replace(
        record,
        status=status,
        ended_at=ended,
        next_attempt_at=None,
        duration_ms=duration_ms,
        error=error,
        is_stopping=False,
        saved=saved,
        outputs=tuple(outputs or ()),
        output_problems=output_problems,
    )
    event = RunEnded(run_id=record.run_id, at=ended, status=status, duration_ms=duration_ms, error=error)
    return RunChanged(record=final, event=event, outputs=outputs or {})


def describe_stop(reason: RunStoppedError) -> tuple[RunStatus, ErrorDetail]:
    """Return the status and the error of a run that was stopped."""
    return cast("RunStatus", reason.status), ErrorDetail(type=type(reason).__qualname__, message=str(reason))
