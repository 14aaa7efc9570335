"""The counts of a run service."""

from collections.abc import Callable, Iterator, Mapping

from kedro_asgi.dispatch.metric_families import (
    CRASHED,
    ENDED,
    LOST_EVENTS,
    LOST_RUNS,
    NOTIFIED,
    QUEUE_SECONDS,
    REFUSED,
    RETRIED,
    RUN_SECONDS,
    RUNS,
    WRITE_FAILURES,
    WRITE_SECONDS,
)
from kedro_asgi.dispatch.stores.notifications import AttemptOutcome
from kedro_asgi.encoding import escape_surrogates
from kedro_asgi.metrics.counts import Counter, Histogram
from kedro_asgi.metrics.families import Family, Labels
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runs import RunRecord

# Labels of runs that have no pipeline of their own: one that the project does not have, or more than there is room for.
_UNKNOWN, _OTHER = "__unknown__", "__other__"
_MAX_PIPELINES = 1000


class Metrics:
    """Hears what happens in a run service; this class counts nothing. Belongs to one event loop."""

    families: tuple[Family, ...] = ()

    def run_started(self, record: RunRecord) -> None:
        """A run has a slot, for the first time."""

    def run_ended(self, record: RunRecord) -> None:
        """A run has ended."""

    def run_refused(self, error: Exception) -> None:
        """A run was refused because of ``error``."""

    def run_retried(self) -> None:
        """An attempt of a run has failed, and another follows."""

    def nodes_retried(self, count: int) -> None:
        """In a run that has ended, ``count`` attempts of nodes failed and were followed by others."""

    def process_crashed(self) -> None:
        """A run has ended its process."""

    def runs_lost(self, count: int) -> None:
        """The records of ``count`` runs were given up."""

    def events_lost(self, count: int) -> None:
        """A reader that has left had lost ``count`` events."""

    def store_written(self, seconds: float) -> None:
        """A transaction took ``seconds``."""

    def store_failed(self) -> None:
        """The store could not be written."""

    def notification_attempted(self, webhook: str, outcome: AttemptOutcome) -> None:
        """An attempt to tell a webhook of the end of a run has ended."""

    def totals(self) -> Mapping[str, Mapping[Labels, list[float]]]:
        """Return all counters and histograms by name; they go on changing."""
        return {}


class RunMetrics(Metrics):
    """Counts since the dispatcher was made, whether its service is open or not.

    ``is_known`` says whether the project has a pipeline; another name makes no label, since callers invent names.
    """

    families: tuple[Family, ...] = RUNS

    def __init__(self, is_known: Callable[[str], bool]) -> None:
        self._is_known = is_known
        self._pipelines: dict[tuple[str, ...], str] = {}
        self._ended = Counter(ENDED)
        self._run_seconds = Histogram(RUN_SECONDS)
        self._queue_seconds = Histogram(QUEUE_SECONDS, ())
        self._refused = Counter(REFUSED, ("QueueFullError",), ("DrainingError",), ("PipelineCrashingError",))
        self._retried = Counter(RETRIED, ("node",), ("run",))
        self._crashed = Counter(CRASHED, ())
        self._lost_runs = Counter(LOST_RUNS, ())
        self._lost_events = Counter(LOST_EVENTS, ())
        self._write_seconds = Histogram(WRITE_SECONDS, ())
        self._write_failures = Counter(WRITE_FAILURES, ())
        self._notified = Counter(NOTIFIED)

    def run_started(self, record: RunRecord) -> None:
        if record.started_at is not None:
            self._queue_seconds.observe((record.started_at - record.created_at).total_seconds())

    def run_ended(self, record: RunRecord) -> None:
        # Each run comes here, so a pipeline that is known costs no call.
        labels = (self._pipelines.get(record.pipeline_names) or self._pipeline(record), record.status)
        self._ended.add(1.0, labels)
        if record.duration_ms is not None:
            self._run_seconds.observe(record.duration_ms / 1000, labels)

    def run_refused(self, error: Exception) -> None:
        self._refused.add(1.0, (type(error).__name__,))

    def run_retried(self) -> None:
        self._retried.add(1.0, ("run",))

    def nodes_retried(self, count: int) -> None:
        self._retried.add(count, ("node",))

    def process_crashed(self) -> None:
        self._crashed.add()

    def runs_lost(self, count: int) -> None:
        self._lost_runs.add(count)

    def events_lost(self, count: int) -> None:
        self._lost_events.add(count)

    def store_written(self, seconds: float) -> None:
        self._write_seconds.observe(seconds)

    def store_failed(self) -> None:
        self._write_failures.add()

    def notification_attempted(self, webhook: str, outcome: AttemptOutcome) -> None:
        self._notified.add(1.0, (webhook, outcome))

    def totals(self) -> Mapping[str, Mapping[Labels, list[float]]]:
        return {counted.family.name: counted.series for counted in self._counted()}

    def _counted(self) -> Iterator[Counter | Histogram]:
        yield from (self._ended, self._run_seconds, self._queue_seconds, self._refused, self._retried, self._crashed)
        yield from (self._lost_runs, self._lost_events, self._write_seconds, self._write_failures, self._notified)

    def _pipeline(self, record: RunRecord) -> str:
        """Return the label of the pipelines of a run, and keep it for those that the project has."""
        names = record.pipeline_names
        # A run that succeeded had its pipelines, also where another process has opened the project.
        if names and record.status != "success" and not all(map(self._is_known, names)):
            return _UNKNOWN
        if len(self._pipelines) >= _MAX_PIPELINES:
            return _OTHER
        label = self._pipelines[names] = escape_surrogates(",".join(names)) or DEFAULT_PIPELINE
        return label
