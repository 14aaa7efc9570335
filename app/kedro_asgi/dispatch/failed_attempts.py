"""The failed attempts in the record of a run."""

import msgspec

from kedro_asgi.errors.wording import bounded
from kedro_asgi.events import NodeRetried, RunRetried
from kedro_asgi.runs import ErrorCause, FailedAttempt, RunRecord

# The events of a run have all of them, in full.
_MAX_ATTEMPTS = 20
_MAX_MESSAGE = 500


def with_attempt(record: RunRecord, event: NodeRetried | RunRetried) -> RunRecord:
    """Return ``record`` with a failed attempt that is followed by another."""
    retried = record.retried
    if len(retried) < _MAX_ATTEMPTS:
        retried = (*retried, _described(event))
    return msgspec.structs.replace(record, retried=retried, retry_count=record.retry_count + 1)


def _described(event: NodeRetried | RunRetried) -> FailedAttempt:
    error = event.error
    return FailedAttempt(
        node=bounded(event.node, _MAX_MESSAGE) if isinstance(event, NodeRetried) else None,
        attempt=event.attempt,
        at=event.at,
        error=ErrorCause(type=error.type, message=bounded(error.message, _MAX_MESSAGE)),
        delay_seconds=event.delay_seconds,
    )
