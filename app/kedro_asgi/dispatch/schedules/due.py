"""Decides, of a schedule at an instant, which tick has a run now; a pure function, the same on all workers."""

import msgspec

from kedro_asgi.dispatch.schedules.schedule import Schedule
from kedro_asgi.dispatch.stores.schedules import ScheduleState

# A clock may be put back a little, and the ticks since have had their runs. After more, it was wrong before.
_CLOCK_STEP_MS = 3_600_000
# Enough for all that may run. Of more ticks, only the last ones are counted.
_MAX_TICKS = 1000


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """The decision for now: run for ``tick_ms``, or, without one, decide ticks until ``skip_until_ms``.

    ``skipped`` ticks are missed and have no run; there are more of them if ``skips_uncounted``. ``has_more`` tells that
    further ticks are due at once.
    """

    tick_ms: int | None = None
    skip_until_ms: int | None = None
    skipped: int = 0
    skips_uncounted: bool = False
    has_more: bool = False
    is_clock_back: bool = False
    is_overlap: bool = False


NOTHING = Due()


def find_due(schedule: Schedule, state: ScheduleState, *, known_since_ms: int, now_ms: int) -> Due:
    """Return what is due; ``known_since_ms`` is when this worker began to know the schedule.

    While workers know different definitions, as during an update, each begins with the ticks since it knows its own.
    """
    if state.is_paused:
        return NOTHING
    if state.decided_ms > now_ms + _CLOCK_STEP_MS:
        return Due(skip_until_ms=now_ms, is_clock_back=True)
    since_ms = state.defined_ms if state.definition == schedule.definition else known_since_ms
    ticks = schedule.ticks.between(max(state.decided_ms, since_ms), now_ms, limit=_MAX_TICKS)
    if not ticks:
        return NOTHING
    runs = _ticks_with_runs(schedule, ticks, now_ms)
    is_limited = len(ticks) >= _MAX_TICKS
    if not runs:
        return Due(skip_until_ms=ticks[-1], skipped=len(ticks), skips_uncounted=is_limited)
    return Due(tick_ms=runs[0], skipped=ticks.index(runs[0]), skips_uncounted=is_limited, has_more=len(runs) > 1)


def _ticks_with_runs(schedule: Schedule, ticks: list[int], now_ms: int) -> list[int]:
    oldest_ms = now_ms - int(schedule.start_deadline_seconds * 1000)
    in_time = [tick for tick in ticks if tick >= oldest_ms]
    return in_time[-1:] if schedule.missed == "run-once" else in_time[-schedule.max_missed :]
