"""Families of metrics, in Prometheus' sense: a name, a kind, a help text, names of labels."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

Labels: TypeAlias = tuple[str, ...]
Totals: TypeAlias = Mapping[str, Mapping[Labels, list[float]]]
"""The series of counters and histograms, by family and values of labels.

A counter has one number. A histogram has the count of each of its buckets, of the rest, and then the sum.
"""


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
