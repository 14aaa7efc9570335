"""Checks what callers give, so that no value can hurt anything but its own call."""

from datetime import datetime
from typing import Any

import msgspec

from kedro_asgi.errors import OutOfRangeError
from kedro_asgi.limits import EventNumber, Key, Labels, PageLimit, TimeoutSeconds
from kedro_asgi.run_arguments import names_of
from kedro_asgi.runs import RunOrder, RunQuery, RunStatus

# Waiting longer is waiting for ever; clocks of event loops take no number of any size.
_LONGEST_WAIT_SECONDS = 1e9


class _Order(msgspec.Struct, kw_only=True):
    timeout_seconds: TimeoutSeconds | None
    labels: Labels
    key: Key | None


class _Query(msgspec.Struct, kw_only=True):
    status: tuple[RunStatus, ...]
    pipeline: str | None
    any_pipeline: tuple[str, ...]
    labels: Labels
    since: datetime | None
    limit: PageLimit
    cursor: str | None


def check_order(order: RunOrder) -> None:
    """Raise `OutOfRangeError` for a time limit, labels or a key that no run may have."""
    if order.timeout_seconds is None and not order.labels and order.key is None:
        return
    _check(_Order, timeout_seconds=order.timeout_seconds, labels=dict(order.labels), key=order.key)


def check_query(query: RunQuery) -> None:
    """Raise `OutOfRangeError` for filters that no list may have."""
    statuses = tuple(dict.fromkeys(names_of(query.status)))
    _check(_Query, **{**msgspec.structs.asdict(query), "status": statuses, "labels": dict(query.labels)})


def check_event_number(number: int) -> None:
    """Raise `OutOfRangeError` for a number that no event can have."""
    try:
        msgspec.convert(number, EventNumber)
    except msgspec.ValidationError as error:
        raise OutOfRangeError(str(error)) from error


def wait_seconds(seconds: float | None) -> float | None:
    """Return how long to wait, ``None`` for ever; raises `OutOfRangeError` for NaN, which spoils a loop's clock."""
    if seconds is None or seconds > _LONGEST_WAIT_SECONDS:
        return None
    if seconds != seconds:
        raise OutOfRangeError("NaN is no number of seconds")
    return max(0.0, seconds)


def _check(kind: type[Any], **values: Any) -> None:
    try:
        msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise OutOfRangeError(str(error)) from error
