"""Errors as ``application/problem+json``."""

import re
from collections.abc import Iterable
from pathlib import Path

from kedro_asgi.schemas import ReloadProblem
from kedro_asgi.server import problems
from kedro_asgi.server.access import refusals
from kedro_asgi.server.problems import ProblemKind

DOCUMENT = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")


def known_kinds() -> Iterable[ProblemKind]:
    """Yield the kinds of problems that the modules of errors and refusals hold, alone or in tables."""
    for value in vars(problems).values():
        for found in value.values() if isinstance(value, dict) else (value,):
            if isinstance(found, ProblemKind):
                yield found
    for refusal in refusals.AccessRefusedError.__subclasses__():
        yield ProblemKind(refusal.slug, refusal.title, refusal.status)


def test_the_documents_have_every_type_with_its_status() -> None:
    reload_problem = ReloadProblem(detail="")
    statuses = {kind.slug: kind.status for kind in known_kinds()}
    statuses[reload_problem.type.rpartition(":")[2]] = reload_problem.status
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", DOCUMENT, re.MULTILINE)
    assert {slug: int(status) for slug, status in rows} == statuses
    assert len(rows) == len(statuses)
