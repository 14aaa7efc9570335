"""Families of metrics, in Prometheus' sense: a name, a kind, a help text, names of labels."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

Labels: TypeAlias = tuple[str, ...]
Totals: TypeAlias = Mapping[str, Mapping[Labels, list[float]]]
"""The series of counters and histograms, by family and values of labels.

A counter has one number. A histogram has the count of each of its buckets, of the rest, and then the sum.
"""

PREFIX = "kedro_asgi_"
"""The first letters of the names of all families."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One family; ``name`` has its unit, and a counter's ends with ``_total``.

    ``bounds`` are the upper bounds of a histogram's buckets, without infinity. The values of workers are added up; with
    ``merge`` of ``min``, the lowest counts.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    merge: Literal["sum", "min"] = "sum"

    @property
    def size(self) -> int:
        """How many numbers a series has."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1


def counter(name: str, text: str, *labels: str) -> Family:
    """Return the family of a counter; ``name`` has neither the prefix nor ``_total``."""
    return Family(name=f"{PREFIX}{name}_total", kind="counter", help=text, labels=labels)


def histogram(name: str, text: str, *labels: str, bounds: Sequence[float]) -> Family:
    """Return the family of a histogram; ``name`` has no prefix."""
    return Family(name=f"{PREFIX}{name}", kind="histogram", help=text, labels=labels, bounds=tuple(bounds))


def gauge(name: str, text: str, *, merge: Literal["sum", "min"] = "sum") -> Family:
    """Return the family of a gauge; ``name`` has no prefix."""
    return Family(name=f"{PREFIX}{name}", kind="gauge", help=text, merge=merge)
