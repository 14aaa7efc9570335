"""The contract of a store for the state of schedules, and the structs that go in and come out.

A tick is an instant at which a schedule is due. Times are milliseconds since 1970.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class ScheduledRun(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule that begins a run, and the tick that the run is for; without a tick, a caller wants it now.

    The store has a run for a tick only if no later tick is decided, and the schedule is not paused. The run and the
    decision are one transaction.
    """

    schedule: str
    tick_ms: int | None = None


class ScheduleState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a schedule, which all workers share: ticks until ``decided_ms`` have had their run, or were skipped.

    ``definition`` tells when the schedule is due, and ``defined_ms`` since when it says so. ``run_id`` is its last run.
    """

    name: str
    definition: str
    defined_ms: int
    decided_ms: int
    is_paused: bool = False
    run_id: str | None = None


class ScheduleStore(Protocol):
    """Keeps what workers share of schedules, so that one run is made for a tick."""

    def clock_ms(self) -> int:
        """Return the time by the clock that all workers share: of the database, or of the machine."""

    def define_schedules(self, definitions: Mapping[str, str], *, now_ms: int) -> None:
        """Store when schedules are due; one that is new has no ticks before ``now_ms``."""

    def read_schedules(self, names: Sequence[str]) -> list[ScheduleState]:
        """Return the states of those of the schedules that the store has."""

    def decide_ticks(self, name: str, *, from_ms: int, until_ms: int) -> bool:
        """Decide ticks until ``until_ms`` without a run; false if no longer ``from_ms`` is decided, or if paused."""

    def pause_schedule(self, name: str, *, is_paused: bool, now_ms: int) -> None:
        """Pause a schedule, or let it go on; then ticks until ``now_ms`` are decided."""
