"""The counts of a run service."""

from collections.abc import Callable, Iterator, Mapping

from kedro_asgi.dispatch.stores.notifications import AttemptOutcome
from kedro_asgi.encoding import escape_surrogates
from kedro_asgi.metrics.counts import Counter, Histogram
from kedro_asgi.metrics.families import Family, Labels
from kedro_asgi.runs import RunRecord

_RUN_BOUNDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_QUEUE_BOUNDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0, 900.0)
_WRITE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

# The first letters of all families of a gauge of the service.
PREFIX = "kedro_asgi_"

ENDED = Family(
    name="kedro_asgi_runs_ended_total",
    kind="counter",
    help="Runs that have ended, by pipeline and status; also those that ended before they started.",
    labels=("pipeline", "status"),
)
RUN_SECONDS = Family(
    name="kedro_asgi_run_seconds",
    kind="histogram",
    help="Time from the start of a run to its end, with all its attempts.",
    labels=("pipeline", "status"),
    bounds=_RUN_BOUNDS,
)
QUEUE_SECONDS = Family(
    name="kedro_asgi_run_queue_seconds",
    kind="histogram",
    help="Time from the request for a run to the start of the run.",
    bounds=_QUEUE_BOUNDS,
)
REFUSED = Family(
    name="kedro_asgi_runs_refused_total",
    kind="counter",
    help="Runs that were refused, by the class of the error.",
    labels=("reason",),
)
RETRIED = Family(
    name="kedro_asgi_attempts_retried_total",
    kind="counter",
    help="Failed attempts that were followed by another; those of nodes count when their run ends.",
    labels=("of",),
)
CRASHED = Family(
    name="kedro_asgi_run_process_crashes_total",
    kind="counter",
    help="Runs that ended the process in which they were executed.",
)
LOST_RUNS = Family(
    name="kedro_asgi_runs_unwritten_lost_total",
    kind="counter",
    help="Records of ended runs that were given up, since the store failed for too long.",
)
LOST_EVENTS = Family(
    name="kedro_asgi_events_lost_total",
    kind="counter",
    help="Events that readers lost because they were too slow; they count when the reader leaves.",
)
WRITE_SECONDS = Family(
    name="kedro_asgi_store_write_seconds",
    kind="histogram",
    help="Time that a transaction with the states of runs took.",
    bounds=_WRITE_BOUNDS,
)
WRITE_FAILURES = Family(
    name="kedro_asgi_store_write_failures_total",
    kind="counter",
    help="Attempts to write to the store that failed.",
)
NOTIFIED = Family(
    name="kedro_asgi_notification_attempts_total",
    kind="counter",
    help="Attempts to tell a webhook of the end of a run: delivered, retried (another follows) or failed for good.",
    labels=("webhook", "outcome"),
)

_GAUGES = {
    "runs_running": "Slots that are taken.",
    "runs_stopping": "Running runs that were asked to stop.",
    "runs_queued": "Runs that wait for a slot.",
    "runs_waiting_for_attempt": "Runs that wait for the time of their next attempt.",
    "runs_queued_bytes": "Memory that the orders of waiting runs take.",
    "runs_concurrency_limit": "Slots that there are.",
    "run_processes": "Processes that execute runs, or will.",
    "run_processes_open": "Processes for runs that have opened the project.",
    "dask_tasks": "Runs that the Dask cluster has.",
    "event_readers": "Callers that follow events.",
    "store_pending_writes": "Messages and runs that wait until they are written to the store.",
    "draining": "Worker processes that accept no more runs.",
}
GAUGES = (
    *(Family(name=f"{PREFIX}{name}", kind="gauge", help=text) for name, text in _GAUGES.items()),
    Family(name=f"{PREFIX}store_up", kind="gauge", help="1 if all workers can write to the store.", merge="min"),
    Family(
        name=f"{PREFIX}dask_scheduler_up", kind="gauge", help="1 if all workers reach the Dask scheduler.", merge="min"
    ),
    # All workers see the same ones, so they are not added up.
    Family(name=f"{PREFIX}dask_workers", kind="gauge", help="Workers of the Dask cluster.", merge="min"),
    Family(name=f"{PREFIX}dask_threads", kind="gauge", help="Threads of the Dask cluster's workers.", merge="min"),
    Family(
        name=f"{PREFIX}notifications_pending",
        kind="gauge",
        help="Notifications in the store that are to be delivered.",
        merge="min",
    ),
    Family(
        name=f"{PREFIX}runs_waiting_in_store",
        kind="gauge",
        help="Promised runs that wait for a free slot of any process that shares the store.",
        merge="min",
    ),
)

_DEFAULT = "__default__"
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
        """So many attempts of nodes have failed in a run that has ended, and were followed by others."""

    def process_crashed(self) -> None:
        """A run has ended its process."""

    def runs_lost(self, count: int) -> None:
        """The records of so many runs were given up."""

    def events_lost(self, count: int) -> None:
        """A reader that has left had lost so many events."""

    def store_written(self, seconds: float) -> None:
        """A transaction took so long."""

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

    families = (
        ENDED,
        RUN_SECONDS,
        QUEUE_SECONDS,
        REFUSED,
        RETRIED,
        CRASHED,
        LOST_RUNS,
        LOST_EVENTS,
        WRITE_SECONDS,
        WRITE_FAILURES,
        NOTIFIED,
        *GAUGES,
    )

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
        labels = (self._pipeline(record), record.status)
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
        """Return the label of a run's pipelines."""
        names = record.pipeline_names
        label = self._pipelines.get(names)
        if label is not None:
            return label
        # A run that succeeded had its pipelines, also where another process has opened the project.
        if names and record.status != "success" and not all(map(self._is_known, names)):
            return _UNKNOWN
        if len(self._pipelines) >= _MAX_PIPELINES:
            return _OTHER
        label = self._pipelines[names] = escape_surrogates(",".join(names)) or _DEFAULT
        return label
