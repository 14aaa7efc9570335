"""The results of a run of the benchmarks, as the report reads them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Results:
    """The lines of a file of results."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    @classmethod
    def read(cls, file: Path) -> "Results":
        """Read a file; a line of a case that was measured again beats the earlier one."""
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        return cls(list({_identity(row): row for row in rows}.values()))

    def rows(self, benchmark: str, **facts: Any) -> list[Row]:
        """Return the lines of a benchmark that agree with all facts."""
        return [row for row in self._rows if row["benchmark"] == benchmark and facts.items() <= row.items()]

    def value(self, benchmark: str, name: str, **facts: Any) -> float | None:
        """Return one number; none if no line has it."""
        return next((row[name] for row in self.rows(benchmark, **facts) if row.get(name) is not None), None)


def _identity(row: Row) -> tuple[tuple[str, Any], ...]:
    """Return the texts and whole numbers of a line: they tell its case, since no benchmark measures any of them."""
    return tuple((name, value) for name, value in row.items() if not isinstance(value, float | None))
