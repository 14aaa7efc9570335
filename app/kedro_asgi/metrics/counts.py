"""Counters and histograms of one process: plain numbers, which cost a sixth of those that take a lock."""

from bisect import bisect_left

from kedro_asgi.metrics.families import Family, Labels


class Counter:
    """A counter; each of ``initial`` is a series that is shown before anything was counted. For one thread."""

    def __init__(self, family: Family, *initial: Labels) -> None:
        self.family = family
        self.series: dict[Labels, list[float]] = {labels: [0.0] for labels in initial}

    def add(self, amount: float = 1.0, labels: Labels = ()) -> None:
        """Count ``amount`` more."""
        try:
            self.series[labels][0] += amount
        except KeyError:
            self.series[labels] = [amount]


class Histogram:
    """A histogram for one thread. Its sum never goes back: a negative value, as after a change of the clock, is 0."""

    def __init__(self, family: Family, *initial: Labels) -> None:
        self.family = family
        self.series: dict[Labels, list[float]] = {labels: [0.0] * family.size for labels in initial}
        self._bounds = family.bounds

    def observe(self, value: float, labels: Labels = ()) -> None:
        """Count a value."""
        try:
            series = self.series[labels]
        except KeyError:
            series = self.series[labels] = [0.0] * self.family.size
        if value > 0.0:
            series[-1] += value
        series[bisect_left(self._bounds, value)] += 1.0
