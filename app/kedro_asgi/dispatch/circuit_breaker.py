"""Refuses pipelines whose runs crash their processes again and again."""

import math
import time
from collections.abc import Callable, Sequence

import msgspec

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.errors import PipelineCrashingError

_CRASHES_TO_REFUSE = 3
_FIRST_SECONDS = 10.0
_LONGEST_SECONDS = 600.0
_MAX_PIPELINES = 1000


class _Crashes(msgspec.Struct, frozen=True, kw_only=True):
    """How often in a row the runs of the same pipelines have crashed, and until when they are refused."""

    count: int
    refused_until: float


class CircuitBreaker:
    """Refuses runs after three crashes in a row: for 10 seconds, and for twice as long after each further crash.

    After that time runs are tried again; one that ends without a crash closes the circuit. Each worker process counts
    for itself. Belongs to one event loop.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.crashes: BoundedCache[tuple[str, ...], _Crashes] = BoundedCache(_MAX_PIPELINES)
        """Pipelines whose latest runs have crashed; without any, a run needs no `check`, and its end no `note`."""

    def check(self, pipeline_names: Sequence[str]) -> None:
        """Raise `PipelineCrashingError` if runs of these pipelines are refused now."""
        crashes = self.crashes.get(tuple(pipeline_names))
        if crashes is not None and (seconds := crashes.refused_until - self._clock()) > 0:
            raise PipelineCrashingError(pipeline_names, crashes=crashes.count, retry_after_seconds=seconds)

    def note(self, pipeline_names: Sequence[str], *, has_crashed: bool) -> None:
        """A run of these pipelines has ended."""
        key = tuple(pipeline_names)
        former = self.crashes.pop(key, None)
        if has_crashed:
            count = 1 if former is None else former.count + 1
            self.crashes.add(key, _Crashes(count=count, refused_until=self._clock() + _pause_seconds(count)))


def _pause_seconds(crashes: int) -> float:
    if crashes < _CRASHES_TO_REFUSE:
        return 0.0
    return min(_LONGEST_SECONDS, math.ldexp(_FIRST_SECONDS, min(crashes - _CRASHES_TO_REFUSE, 10)))
