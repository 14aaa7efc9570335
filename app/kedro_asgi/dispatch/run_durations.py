"""How long the runs of a worker are executed, and so how soon they end."""

from collections.abc import Callable
from time import perf_counter

# A worker takes as many runs ahead as it likely ends in this time, which covers a transaction.
_AHEAD_SECONDS = 0.1
_MOST_AHEAD = 64
# How much the latest run counts.
_WEIGHT = 0.1


class RunDurations:
    """A moving mean of how long runs are executed. Belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._mean_seconds = 0.0
        self._last_end = 0.0

    def ended(self, seconds: float) -> None:
        """Count a run that has ended now, after ``seconds``."""
        self._last_end = self._clock()
        self._mean_seconds += (seconds - self._mean_seconds) * _WEIGHT

    @property
    def retry_after_seconds(self) -> int:
        """When a caller may find a place in a queue that is full now."""
        return max(1, min(60, round(self._mean_seconds)))

    def ahead(self, capacity: int, *, running: int) -> int:
        """Return how many runs ``capacity`` slots likely end in a moment; none while they are all taken for longer."""
        if not self._mean_seconds:
            return 0
        if running >= capacity and self._clock() - self._last_end > 2 * _AHEAD_SECONDS:
            # The runs that are executed now take longer than usual.
            return 0
        return min(_MOST_AHEAD, int(capacity * _AHEAD_SECONDS / self._mean_seconds))
