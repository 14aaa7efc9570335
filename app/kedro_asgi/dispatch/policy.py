"""The limits of a run service, and how long it keeps runs."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kedro_asgi.cores import CORES
from kedro_asgi.errors import PolicyError
from kedro_asgi.limits import MAX_KEEP_DAYS, MAX_KEEP_RUNS, MAX_TIMEOUT_SECONDS

# Also upper limits: beyond them, databases, calendars and clocks overflow.
Count = Annotated[int, Meta(ge=1, le=10**9)]
NotNegative = Annotated[int, Meta(ge=0, le=10**9)]
Bytes = Annotated[int, Meta(ge=0, le=2**60)]
Seconds = Annotated[float, Meta(gt=0, le=MAX_TIMEOUT_SECONDS)]
SecondsOrZero = Annotated[float, Meta(ge=0, le=MAX_TIMEOUT_SECONDS)]
Days = Annotated[float, Meta(gt=0, le=MAX_KEEP_DAYS)]
Hours = Annotated[float, Meta(gt=0, le=876_000)]


def default_concurrency() -> int:
    """Return the default of concurrent runs: a few more than CPUs, since runs also wait for other things."""
    return min(32, CORES + 4)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one service; each worker process has a service of its own.

    ``max_fleet_runs`` limits the runs at a time of all processes that share the store. With ``fair_shares``, each slot
    that gets free goes to the caller with the fewest runs, and not to the oldest run. A service with
    ``max_concurrent_runs`` of 0 promises runs, and leaves them to other processes. ``max_queued_bytes`` limits the
    memory of the orders that wait: their JSON, or their tables. ``max_timeout_seconds`` is the ceiling for every run,
    also for runs that ask for no limit. ``grace_seconds`` is how long runs may go on when the service closes. Queued
    runs of a dead server ``run``, or are marked as interrupted (``mark``), as ``on_restart`` says. A run that asks to
    be repeated after an interruption is repeated until ``max_attempts`` servers have ended during it; when its executor
    loses it, it is repeated until it has had ``max_attempts`` attempts, with those of its retries. Runs are deleted
    when they are older than ``keep_days``, more than ``keep_runs``, or when the store holds more than ``keep_bytes``.
    Orders of up to ``keep_order_bytes`` are kept with them, so that the runs can be repeated. The writer thread
    collects changes for ``linger_seconds``, unless a caller waits for them; other workers are looked at every
    ``look_seconds``. A run that was asked to stop and goes on for ``stop_patience_seconds`` is named in the log, and
    its slot is stuck.

    ``max_run_memory_bytes`` limits the memory of a run in a process, with all that its process kept from before. A
    process is replaced after ``max_process_runs`` runs, and after a run with which it holds more than
    ``max_process_memory_bytes``.

    ``hidden_values`` are patterns of the names whose values no record shows, beside those of secrets.
    """

    max_concurrent_runs: NotNegative = msgspec.field(default_factory=default_concurrency)
    max_fleet_runs: Count | None = None
    fair_shares: bool = False
    max_queued_runs: NotNegative = 1000
    max_queued_bytes: Bytes = 256 * 2**20
    max_timeout_seconds: Seconds | None = None
    grace_seconds: SecondsOrZero = 5.0
    on_restart: Literal["run", "mark"] = "run"
    max_attempts: Count = 3
    keep_runs: Annotated[int, Meta(ge=1, le=MAX_KEEP_RUNS)] = 100_000
    keep_bytes: Bytes = 10 * 2**30
    keep_order_bytes: Bytes = 65_536
    keep_days: Days = 30.0
    key_hours: Hours = 24.0
    event_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    max_log_lines: NotNegative = 1000
    full_tracebacks: bool = False
    max_buffered_events: Count = 1000
    max_unwritten_runs: Count = 10_000
    linger_seconds: SecondsOrZero = 0.02
    look_seconds: Seconds = 0.25
    stop_patience_seconds: SecondsOrZero = 5.0
    max_run_memory_bytes: Annotated[int, Meta(ge=2**20, le=2**60)] | None = None
    max_process_runs: Count | None = None
    max_process_memory_bytes: Annotated[int, Meta(ge=2**20, le=2**60)] | None = None
    hidden_values: tuple[str, ...] = ()


def checked(policy: Policy) -> Policy:
    """Return ``policy``; raises `PolicyError` for a value that makes no sense."""
    try:
        return msgspec.convert(msgspec.structs.asdict(policy), Policy)
    except msgspec.ValidationError as error:
        raise PolicyError(str(error)) from error
