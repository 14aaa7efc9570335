"""The frame of all benchmarks: cases that take turns, and one form of results.

A *case* is one side of a comparison under some conditions, such as a server at 8 callers. All sides of a condition are
measured one after another, round by round, so that what else the machine does hits them alike. A ratio is the median of
the ratios of the rounds.
"""

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

Numbers = dict[str, float]
Row = dict[str, Any]

# The file to which results are added, besides being printed; the suite sets it.
RESULTS_VARIABLE = "BENCH_RESULTS"

_LEAST_SAMPLE_SECONDS = 1e-4


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One side under some conditions, and how to measure it once."""

    side: str
    conditions: dict[str, int | str] = {}
    measure: Callable[[], Numbers]


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a case, one set a round."""

    case: Case
    rounds: Sequence[Numbers]

    def median(self, name: str) -> float:
        """Return the median of one number."""
        return statistics.median(numbers[name] for numbers in self.rounds)

    def ratio(self, name: str, base: "Measurement") -> float:
        """Return the median ratio to what ``base`` measured in the same round."""
        pairs = zip(self.rounds, base.rounds, strict=True)
        return statistics.median(mine[name] / theirs[name] if theirs[name] else math.nan for mine, theirs in pairs)

    def difference(self, name: str, base: "Measurement") -> float:
        """Return the median difference from what ``base`` measured in the same round."""
        return statistics.median(
            mine[name] - theirs[name] for mine, theirs in zip(self.rounds, base.rounds, strict=True)
        )

    def row(self) -> Row:
        """Return the case with its medians, as a line of a table."""
        medians = {name: self.median(name) for name in self.rounds[0]}
        return {**self.case.conditions, "side": self.case.side, **medians}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How thorough a benchmark is: ``quick`` numbers are for a look, ``full`` ones for a report."""

    is_full: bool

    def pick(self, *, quick: Any, full: Any) -> Any:
        """Return one of two settings."""
        return full if self.is_full else quick


def read_options(description: str | None) -> Options:
    """Read the command line of a benchmark."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="measure more, and longer")
    return Options(is_full=parser.parse_args().full)


def take_turns(cases: Iterable[Case], *, rounds: int) -> list[Measurement]:
    """Measure all cases in each of the rounds, in their order."""
    cases = list(cases)
    numbers = [[case.measure() for case in cases] for _ in range(rounds)]
    return [
        Measurement(case=case, rounds=tuple(found))
        for case, found in zip(cases, zip(*numbers, strict=True), strict=True)
    ]


def find(measured: Sequence[Measurement], side: str, **conditions: int | str) -> Measurement:
    """Return the measurement of a side under exactly these conditions."""
    return next(m for m in measured if m.case.side == side and m.case.conditions == conditions)


def add_ratios(measured: Sequence[Measurement], base: str, *names: str, label: str) -> list[Row]:
    """Return the rows with ratios of numbers to those of the side ``base`` under the same conditions.

    The ratio of ``per_second`` with the label ``bare`` becomes ``per_second_to_bare``.
    """
    rows = []
    for measurement in measured:
        theirs = find(measured, base, **measurement.case.conditions)
        ratios = {f"{name}_to_{label}": measurement.ratio(name, theirs) for name in names}
        rows.append({**measurement.row(), **ratios})
    return rows


def merge_rows(*tables: Sequence[Row]) -> list[Row]:
    """Join the rows of several tables that hold the same cases in the same order."""
    return [{key: value for row in rows for key, value in row.items()} for rows in zip(*tables, strict=True)]


def write(benchmark: str, title: str, rows: Sequence[Row]) -> None:
    """Print rows as a table and as a JSON line each, and add the lines to the file of results."""
    _print_table(title, rows)
    lines = [
        json.dumps({"benchmark": benchmark, **{key: _rounded(value) for key, value in row.items()}}) for row in rows
    ]
    print(*lines, "", sep="\n", flush=True)
    if name := os.environ.get(RESULTS_VARIABLE):
        with Path(name).open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)


def median_us(work: Callable[[], object], *, repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the median duration of ``work`` in microseconds.

    A sample is so many calls that they take a tenth of a millisecond at least: reading a clock takes time, too.
    """
    work()
    once = _seconds(work, calls=1, clock=clock)
    calls = max(1, min(repeats, int(_LEAST_SAMPLE_SECONDS / once) if once else repeats))
    return statistics.median(_seconds(work, calls=calls, clock=clock) for _ in range(max(repeats // calls, 3))) * 1e6


def _seconds(work: Callable[[], object], *, calls: int, clock: Callable[[], float]) -> float:
    started = clock()
    for _ in range(calls):
        work()
    return (clock() - started) / calls


def fitted_exponent(sizes: Sequence[float], amounts: Sequence[float]) -> float:
    """Return the exponent of the power of size that fits amounts best: 1 is linear, 2 is quadratic."""
    points = [(math.log(size), math.log(amount)) for size, amount in zip(sizes, amounts, strict=True) if amount > 0]
    if len(points) < 2:
        return math.nan
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def _print_table(title: str, rows: Sequence[Row]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [[_shown(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(columns, *lines, strict=True)]
    is_text = [all(isinstance(row.get(column, ""), str) for row in rows) for column in columns]
    print(title)
    for line in [columns, *lines]:
        cells = (
            cell.ljust(width) if text else cell.rjust(width)
            for cell, width, text in zip(line, widths, is_text, strict=True)
        )
        print("  ".join(cells).rstrip())


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case float() if math.isnan(value):
            return "-"
        case float():
            return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        case _:
            return str(value)


def _rounded(value: Any) -> Any:
    """JSON knows no NaN, and digits beyond the fourth are noise."""
    if not isinstance(value, float):
        return value
    return None if math.isnan(value) else float(f"{value:.4g}")
