"""Counters of a run service, in Prometheus' text format."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

_BUCKETS_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0, float("inf"))


class Metrics:
    """Counters since the dispatcher was made. Belongs to one event loop."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.retried: Counter[str] = Counter()
        self.mean_seconds = 0.0
        self._buckets: Counter[float] = Counter()
        self._total_seconds = 0.0

    def count_seconds(self, seconds: float) -> None:
        """Count a run that an executor had for that long."""
        self._total_seconds += seconds
        self.mean_seconds += (seconds - self.mean_seconds) * 0.1
        self._buckets[_BUCKETS_SECONDS[bisect_left(_BUCKETS_SECONDS, seconds)]] += 1

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return everything in Prometheus' text format; ``gauges`` are values of this moment."""
        return "\n".join([*self._lines(gauges), ""])

    def _lines(self, gauges: Mapping[str, float]) -> Iterator[str]:
        for name, value in gauges.items():
            yield from _family(name, "gauge", [("", value)])
        ended = [(f'{{status="{status}"}}', count) for status, count in sorted(self.ended.items())]
        yield from _family("runs_ended_total", "counter", ended)
        refused = [(f'{{reason="{reason}"}}', count) for reason, count in sorted(self.refused.items())]
        yield from _family("runs_refused_total", "counter", refused)
        retried = [(f'{{of="{what}"}}', self.retried[what]) for what in ("node", "run")]
        yield from _family("attempts_retried_total", "counter", retried)
        yield "# TYPE kedro_asgi_run_seconds histogram"
        total = 0
        for bound in _BUCKETS_SECONDS:
            total += self._buckets[bound]
            yield f'kedro_asgi_run_seconds_bucket{{le="{"+Inf" if bound == float("inf") else bound}"}} {total}'
        yield f"kedro_asgi_run_seconds_sum {self._total_seconds:.6f}"
        yield f"kedro_asgi_run_seconds_count {total}"


def _family(name: str, kind: str, samples: Iterable[tuple[str, float]]) -> Iterator[str]:
    yield f"# TYPE kedro_asgi_{name} {kind}"
    for labels, value in samples:
        yield f"kedro_asgi_{name}{labels} {value:g}"
