"""What does the engine add to a run, per node, without HTTP?

A chain of nodes that each add one, run through a session, beside the same calls in a plain loop.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kedro_asgi.session import KedroServiceSession
from projects import write_project

LENGTHS = (2, 10, 100, 1000)

_REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node


def step(x):
    return x + 1


def register_pipelines():
    return {{
        f"chain_{{length}}": Pipeline(
            [node(step, "params:a" if n == 0 else f"d{{n - 1}}", f"d{{n}}", name=f"n{{n:05}}") for n in range(length)]
        )
        for length in {lengths}
    }}
"""


def main() -> None:
    """Run the benchmark and print a table, then a JSON line for each case."""
    with tempfile.TemporaryDirectory() as folder:
        project = write_project(Path(folder), engine="kedro_asgi")
        registry = next((project / "src").iterdir()) / "pipeline_registry.py"
        registry.write_text(_REGISTRY.format(lengths=LENGTHS), encoding="utf-8")
        session = KedroServiceSession.create(project_path=project, serving_mode=True)
        cases = [_case(session, length) for length in LENGTHS]
    print(f"{'nodes':>6}{'run us':>10}{'us a node':>11}{'bare us':>10}")
    for case in cases:
        print(f"{case['nodes']:>6}{case['run_us']:>10.1f}{case['us_a_node']:>11.2f}{case['bare_us']:>10.2f}")
    for case in cases:
        print(json.dumps(case))


def _case(session: KedroServiceSession, length: int) -> dict[str, float]:
    names = [f"chain_{length}"]
    run_us = _median_us(lambda: session.run(pipeline_names=names), repeats=max(5000 // length, 7))
    bare_us = _median_us(lambda: _bare(length), repeats=200)
    return {
        "nodes": length,
        "run_us": round(run_us, 1),
        "us_a_node": round(run_us / length, 2),
        "bare_us": round(bare_us, 2),
    }


def _bare(length: int) -> int:
    value = 1
    for _ in range(length):
        value = _step(value)
    return value


def _step(x: int) -> int:
    return x + 1


def _median_us(function: Callable[[], object], *, repeats: int) -> float:
    function()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


if __name__ == "__main__":
    main()
