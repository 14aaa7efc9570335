"""Sizes, waits and gain of batches, for ``/metrics``."""

from collections.abc import Callable, Iterable, Mapping

from kedro_asgi.dispatch.metric_families import (
    BATCH_ROWS,
    BATCH_RUNS,
    BATCH_WAIT_SECONDS,
    BATCHES,
    FAILED_BATCHES,
    SECONDS_SAVED,
    UNBATCHED,
)
from kedro_asgi.dispatch.metrics import RunMetrics
from kedro_asgi.metrics.counts import Counter, Histogram
from kedro_asgi.metrics.families import Labels

# How much the latest single run counts in their mean.
_SHARE = 0.2


class BatchMetrics:
    """Counts of batches since the dispatcher was made. Belongs to one event loop."""

    def __init__(self) -> None:
        self.runs = Histogram(BATCH_RUNS)
        self.rows = Histogram(BATCH_ROWS)
        self.wait_seconds = Histogram(BATCH_WAIT_SECONDS)
        self.seconds_saved = Counter(SECONDS_SAVED)
        self.failed = Counter(FAILED_BATCHES)
        self.unbatched = Counter(UNBATCHED)
        self._single_seconds: dict[str, float] = {}

    def batch_began(self, pipeline: str, waits_seconds: Iterable[float]) -> None:
        """A batch got a slot; its runs have waited ``waits_seconds``."""
        for seconds in waits_seconds:
            self.wait_seconds.observe(seconds, (pipeline,))

    def batch_succeeded(self, pipeline: str, *, runs: int, rows: int, seconds: float) -> None:
        """A batch of one run or of several succeeded."""
        labels = (pipeline,)
        self.runs.observe(runs, labels)
        self.rows.observe(rows, labels)
        single = self._single_seconds.get(pipeline)
        if runs == 1:
            self._single_seconds[pipeline] = seconds if single is None else single + (seconds - single) * _SHARE
        elif single is not None:
            self.seconds_saved.add(max(0.0, runs * single - seconds), labels)

    def batch_failed(self, pipeline: str) -> None:
        """A batch was executed again in parts, after an error."""
        self.failed.add(1.0, (pipeline,))

    def run_unbatched(self, pipeline: str, reason: str) -> None:
        """A run cannot be part of a batch."""
        self.unbatched.add(1.0, (pipeline, reason))

    def totals(self) -> dict[str, Mapping[Labels, list[float]]]:
        """Return all counters and histograms by name; they go on changing."""
        counted = (self.runs, self.rows, self.wait_seconds, self.seconds_saved, self.failed, self.unbatched)
        return {found.family.name: found.series for found in counted}


class RunAndBatchMetrics(RunMetrics):
    """The counts of a run service that joins runs."""

    families = (*RunMetrics.families, *BATCHES)

    def __init__(self, is_known: Callable[[str], bool], batches: BatchMetrics) -> None:
        super().__init__(is_known)
        self._batches = batches

    def totals(self) -> Mapping[str, Mapping[Labels, list[float]]]:
        return {**super().totals(), **self._batches.totals()}
