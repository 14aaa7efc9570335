"""Every benchmark is known to the suite, and explained to its readers."""

import ast
import re
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
FILES = sorted(BENCHMARKS.glob("bench_*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_benchmark_is_named_after_a_question_and_listed(file: Path) -> None:
    question = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
    assert question.endswith("?")
    assert f"| `{file.name}` | " in (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert f'"{file.stem}",' in (BENCHMARKS / "suite.py").read_text(encoding="utf-8")


def test_nothing_is_listed_that_is_gone() -> None:
    listed = re.findall(r"`(bench_\w+\.py)`", (BENCHMARKS / "README.md").read_text(encoding="utf-8"))
    assert set(listed) == {file.name for file in FILES}
