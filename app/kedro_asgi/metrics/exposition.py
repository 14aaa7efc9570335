"""The counts of workers as text for Prometheus. This imports its library, so the first scrape imports it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, isinf

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kedro_asgi.metrics.families import Family, Labels
from kedro_asgi.metrics.snapshots import WorkerSnapshot, added

_CPU = "process_cpu_seconds"
_MEDIA_TYPES = ("text/plain", "application/openmetrics-text")


def render(families: Sequence[Family], workers: Sequence[WorkerSnapshot], *, accept: str) -> tuple[bytes, str]:
    """Return the sums of all workers, and the media type that ``accept`` asks for.

    The text is of a registry of its own: the application that this server is a part of has another one.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Workers(families, workers))
    encode, media_type = choose_encoder(_accepted(accept))
    return encode(registry), media_type


def _accepted(accept: str) -> str:
    """Return the first of our media types in a header, without its version: Prometheus names them in its order."""
    # The library fails at a version that is no number, and claims to have one that it does not know.
    named = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((name for name in named if name in _MEDIA_TYPES), "")


class _Workers(Collector):
    """The families of one scrape."""

    def __init__(self, families: Sequence[Family], workers: Sequence[WorkerSnapshot]) -> None:
        self._families = families
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        totals = added(worker.snapshot.totals for worker in self._workers)
        for family in self._families:
            match family.kind:
                case "gauge":
                    yield self._gauge(family)
                case "counter":
                    yield _counter(family, totals.get(family.name, {}))
                case "histogram":
                    yield _histogram(family, totals.get(family.name, {}))
        yield GaugeMetricFamily("kedro_asgi_workers", "Worker processes that serve now.", len(self._alive))
        yield from self._processes()

    @property
    def _alive(self) -> list[WorkerSnapshot]:
        return [worker for worker in self._workers if worker.pid is not None]

    def _gauge(self, family: Family) -> Metric:
        found = GaugeMetricFamily(family.name, family.help)
        gauges = [worker.snapshot.gauges for worker in self._alive]
        if values := [figures[family.name] for figures in gauges if family.name in figures]:
            found.add_metric((), min(values) if family.merge == "min" else sum(values))
        return found

    def _processes(self) -> Iterator[Metric]:
        """Yield what the system tells of each worker; the CPU time goes on when another process takes the number."""
        cpu = CounterMetricFamily(_CPU, "User and system CPU time in seconds.", labels=("worker",))
        for worker in self._workers:
            cpu.add_metric((worker.worker,), worker.snapshot.cpu_seconds)
        yield cpu
        merged: dict[str, GaugeMetricFamily] = {}
        for worker in self._alive:
            for metric in _process_metrics(worker.pid or 0):
                family = merged.setdefault(
                    metric.name, GaugeMetricFamily(metric.name, metric.documentation, labels=("worker",))
                )
                for sample in metric.samples:
                    family.add_metric((worker.worker,), sample.value)
        yield from merged.values()


def _process_metrics(pid: int) -> Iterable[Metric]:
    """Return what the system tells of a process, without its CPU time; nothing of one that has just ended."""
    found = ProcessCollector(pid=lambda: pid, registry=None).collect()
    return [metric for metric in found if metric.name != _CPU]


def _counter(family: Family, series: Mapping[Labels, list[float]]) -> Metric:
    found = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for labels, (count, *_) in sorted(series.items()):
        found.add_metric(labels, count)
    return found


def _histogram(family: Family, series: Mapping[Labels, list[float]]) -> Metric:
    found = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, numbers in sorted(series.items()):
        if len(numbers) == family.size:
            found.add_metric(labels, _buckets(family, numbers), numbers[-1])
    return found


def _buckets(family: Family, numbers: list[float]) -> list[tuple[str, float]]:
    """Return the buckets as Prometheus has them: each counts what is in those below, too."""
    count, buckets = 0.0, []
    for bound, number in zip((*family.bounds, inf), numbers, strict=False):
        count += number
        buckets.append(("+Inf" if isinf(bound) else str(bound), count))
    return buckets
