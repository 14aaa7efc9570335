"""The report: a table for people, and a line of JSON for programs."""

from collections.abc import Iterator
from typing import Any

import msgspec

from soak.watch import Growth

_SHOWN_FAULTS = 30


class LegReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of one leg, on one store."""

    store: str
    seed: int
    minutes: float
    records: int
    statuses: dict[str, int]
    counts: dict[str, int]
    growths: tuple[Growth, ...]
    faults: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not self.faults


def table(report: LegReport) -> str:
    """Return the report as text."""
    return "\n".join(_lines(report))


def json_line(report: LegReport) -> str:
    """Return the report as one line of JSON."""
    fields: dict[str, Any] = {"is_good": report.is_good, **msgspec.to_builtins(report)}
    return msgspec.json.encode(fields).decode()


def _lines(report: LegReport) -> Iterator[str]:
    yield f"\n== {report.store}: seed {report.seed}, {report.minutes:g} minutes, {report.records} runs"
    for name, count in sorted({**report.counts, **report.statuses}.items()):
        yield f"{name:<40} {count:>8}"
    yield f"{'held by':<14}{'what':<12}{'median':>14}{'growth':>14}{'allowed':>14}"
    for found in sorted(report.growths, key=lambda growth: (growth.role, growth.what)):
        figures = f"{found.median:>14.0f}{found.growth:>14.0f}{found.allowed:>14.0f}"
        yield f"{found.role:<14}{found.what:<12}{figures}{'' if found.is_flat else '  GROWS'}"
    if not report.growths:
        yield "too short to judge what the processes hold"
    yield "every promise was kept" if report.is_good else f"{len(report.faults)} FAULTS"
    yield from (f"- {fault}" for fault in report.faults[:_SHOWN_FAULTS])
