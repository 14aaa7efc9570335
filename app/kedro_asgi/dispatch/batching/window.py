"""When a batch begins: at once, or when others that are likely to come have had the time for it."""

from kedro_asgi.batching_options import BatchingOptions

# How much the latest value counts in a mean.
_SHARE = 0.2
# A request that comes this number of usual gaps after the last one is not one of those that come together.
_GAPS = 4
_LEAST_GAP_SECONDS = 0.0002
_SHRINK, _GROW = 0.7, 1.1


class Window:
    """Learns from the requests and the batches of one kind how long a batch is worth waiting for. Pure: knows no clock.

    ``peak_requests`` is the largest number of requests at a time since the batch before the last one began: those that
    wait and those that are executed. A batch does not wait for more. It waits no longer than a run takes, since the
    next batch could fill meanwhile.
    """

    def __init__(self, options: BatchingOptions, *, beside_after_seconds: float) -> None:
        self.row_limit = float(options.max_rows)
        self.run_seconds: float | None = None
        self.peak_requests = 1
        self._former_peak = self._peak = 1
        self._gap_seconds = 0.0
        self._last_arrival: float | None = None
        self._beside_after_seconds = beside_after_seconds
        self._max_rows = options.max_rows
        self._max_wait_seconds = options.max_wait_ms / 1000
        self._target_seconds = None if options.target_latency_ms is None else options.target_latency_ms / 1000

    def request_came(self, now: float, *, present: int) -> None:
        """A request came; with it, there are ``present`` that wait or are executed."""
        self._peak = max(self._peak, present)
        if self._last_arrival is not None:
            # A pause between bursts is no gap within one.
            gap = min(now - self._last_arrival, self._max_wait_seconds)
            self._gap_seconds += (gap - self._gap_seconds) * _SHARE
        self._last_arrival = now

    def batch_began(self, *, present: int) -> None:
        """A batch begins; ``present`` requests wait or are executed."""
        self.peak_requests = max(self._former_peak, self._peak)
        self._former_peak, self._peak = self._peak, present

    def batch_ended(self, seconds: float, *, rows: int) -> None:
        """A batch succeeded.

        A request waits for one batch and is part of the next, so each may take half of the target. How long requests
        have waited does not count: on a server that has too much to do, smaller batches would make that worse.
        """
        former = self.run_seconds
        self.run_seconds = seconds if former is None else former + (seconds - former) * _SHARE
        if self._target_seconds is None:
            return
        if seconds > self._target_seconds / 2:
            self.row_limit = max(1.0, min(self.row_limit, rows) * _SHRINK)
        elif rows > self.row_limit / 2:
            self.row_limit = min(self._max_rows, self.row_limit * _GROW + 1)

    def begins_at(self, *, ready_at: float, oldest_at: float, requests: int) -> float:
        """Return when a batch of ``requests`` requests begins, unless more come; it could since ``ready_at``."""
        if requests >= self.peak_requests or self.run_seconds is None or self._last_arrival is None:
            return ready_at
        gap_ends_at = self._last_arrival + _GAPS * max(self._gap_seconds, _LEAST_GAP_SECONDS)
        limit = ready_at + min(self._max_wait_seconds, self.run_seconds)
        if self._target_seconds is not None:
            limit = min(limit, oldest_at + self._target_seconds - self.run_seconds)
        return min(gap_ends_at, limit)

    def may_begin_beside(self, *, began_at: float) -> float:
        """Return when a batch may begin although another one, which began at that time, has not ended."""
        if self._target_seconds is None or self.run_seconds is None:
            return began_at + self._beside_after_seconds
        return began_at + max(self.run_seconds, min(self._beside_after_seconds, self._target_seconds))
