"""A run, a node and a request stay as cheap as recorded; `overhead` counts, and renews the recorded figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from overhead import MOST_GROWTH, RECORDED
from serving import clean_environment

Figures = dict[str, float]


@pytest.fixture(scope="module")
def counted() -> dict[str, Figures]:
    """The figures, counted in a process without anything else that traces, such as coverage."""
    command = [sys.executable, str(Path(__file__).with_name("overhead.py"))]
    counted: dict[str, Figures] = json.loads(subprocess.check_output(command, env=clean_environment()))
    return counted


def grown(figures: Figures) -> dict[str, str]:
    """Return the figures that are above the recorded ones, and how much they are above them."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    growth = {name: figures[name] / recorded[name] for name in recorded}
    return {name: f"{times:.2f} times {recorded[name]}" for name, times in growth.items() if times > MOST_GROWTH}


def test_the_overhead_of_runs_nodes_and_requests_does_not_grow_by_half(counted: dict[str, Figures]) -> None:
    assert grown(counted["usual"]) == {}, "if that is worth it: python tests/overhead.py --renew"


def test_a_trace_that_the_sampler_drops_costs_a_request_little(counted: dict[str, Figures]) -> None:
    """Nothing below the request makes a span, and nothing asks for its ids."""
    assert 0 < counted["dropped_trace"]["request"] / counted["usual"]["request"] < 0.05


def test_batching_costs_a_request_that_comes_alone_little(counted: dict[str, Figures]) -> None:
    """Of a run of two nodes that do nothing; a prediction takes twenty times as long."""
    assert counted["batched"]["batched"] / counted["batched"]["unbatched"] < 1.2


def test_a_slow_hook_is_found_in_runs_nodes_and_requests(counted: dict[str, Figures]) -> None:
    assert set(grown(counted["slow_hook"])) == {"run", "node", "request"}
