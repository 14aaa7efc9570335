"""The counts of one worker, as a value for other threads and processes."""

from collections.abc import Iterable, Mapping
from typing import Self

import msgspec

from kedro_asgi.metrics.families import Labels, Totals


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a process until now, its figures of this moment, and the CPU time that it took."""

    totals: Totals
    gauges: Mapping[str, float]
    cpu_seconds: float = 0.0

    def after(self, former: Self) -> Self:
        """Return this snapshot with what ``former`` has counted; its figures of a moment are over."""
        totals, cpu_seconds = added((former.totals, self.totals)), former.cpu_seconds + self.cpu_seconds
        return msgspec.structs.replace(self, totals=totals, cpu_seconds=cpu_seconds)


class WorkerSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot of a worker, with the counts of processes that were this worker before.

    ``pid`` is ``None`` if the worker has ended: then it has no gauges, but its counts stay.
    """

    worker: str
    pid: int | None
    snapshot: Snapshot


def added(totals: Iterable[Totals]) -> dict[str, dict[Labels, list[float]]]:
    """Add up series; one whose buckets another version of the server has set otherwise is left out."""
    sums: dict[str, dict[Labels, list[float]]] = {}
    for part in totals:
        for name, family in part.items():
            of_family = sums.setdefault(name, {})
            for labels, series in family.items():
                former = of_family.get(labels)
                if former is None:
                    of_family[labels] = list(series)
                elif len(former) == len(series):
                    of_family[labels] = [one + other for one, other in zip(former, series, strict=True)]
    return sums
