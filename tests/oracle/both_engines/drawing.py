"""Random cases, drawn before an engine sees any of them."""

import os
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

Drawn = TypeVar("Drawn")

_FEWEST_OF_A_LONG_TEST = 1_000
_IS_CI = os.environ.get("CI") == "true"


def draw(strategy: st.SearchStrategy[Drawn], count: int) -> list[Drawn]:
    """Return ``count`` cases: one process of an engine then answers them all, since a process for each takes hours.

    Quick tests get the same cases every time, and so do all tests in CI. Long tests get new ones elsewhere.
    """
    cases: list[Drawn] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=_is_repeated(count),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    return cases


def seed_of(count: int) -> int:
    """Return a seed for ``count`` cases that ``random`` draws: the same or a new one, by the same rule."""
    return 1 if _is_repeated(count) else int.from_bytes(os.urandom(4))


def _is_repeated(count: int) -> bool:
    return _IS_CI or count < _FEWEST_OF_A_LONG_TEST
