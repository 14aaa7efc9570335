"""What a room of runs allows, and what it keeps."""

import os
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kedro_asgi.errors import PolicyError

Count = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]


def default_concurrency() -> int:
    """Return how many runs go at a time unless told: a few more than CPUs, since runs also wait for other things."""
    return min(32, (os.cpu_count() or 1) + 4)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one room; each worker process has a room of its own.

    ``max_timeout_seconds`` is the ceiling for every run, also for those that ask for no limit. ``grace_seconds`` is
    how long running runs may go on when the room closes. ``on_restart`` says what becomes of queued runs whose server
    died: they ``run``, or are marked as interrupted (``mark``). A run that asked to be run again after an interruption
    is, ``max_attempts`` times in all. Runs are kept until they are older than ``keep_days`` or more than ``keep_runs``.
    ``linger_seconds`` is how long changes that nobody waits for are collected before they are written.
    """

    max_concurrent_runs: Count = msgspec.field(default_factory=default_concurrency)
    max_queued_runs: NotNegative = 1000
    max_timeout_seconds: Positive | None = None
    grace_seconds: Annotated[float, Meta(ge=0)] = 10.0
    on_restart: Literal["run", "mark"] = "run"
    max_attempts: Count = 3
    keep_runs: Count = 100_000
    keep_days: Positive = 30.0
    key_hours: Positive = 24.0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    max_log_lines: NotNegative = 1000
    max_buffered_events: Count = 1000
    max_unwritten_runs: Count = 10_000
    linger_seconds: Annotated[float, Meta(ge=0)] = 0.02
    look_seconds: Positive = 0.25


def checked(policy: Policy) -> Policy:
    """Return ``policy``; raises `PolicyError` for a value that no run could go with."""
    try:
        return msgspec.convert(msgspec.structs.asdict(policy), Policy)
    except msgspec.ValidationError as error:
        raise PolicyError(str(error)) from error
