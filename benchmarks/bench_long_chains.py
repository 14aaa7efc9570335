"""Does time per node stay the same, however long a pipeline is?

Chains of nodes: built, sliced and run, by this engine and, up to the length that it can bear, by Kedro.
"""

import json
import logging
import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import kedro_asgi.io
import kedro_asgi.pipeline
import kedro_asgi.runner

LENGTHS = (10, 100, 1_000, 10_000)
LONGEST_FOR_KEDRO = 1_000


def step(x: int) -> int:
    """What every node does."""
    return x + 1


def main() -> None:
    """Run the benchmark and print a table, then a JSON line for each case."""
    os.environ["DO_NOT_TRACK"] = "1"
    warnings.simplefilter("ignore")
    import kedro.io
    import kedro.pipeline
    import kedro.runner

    logging.disable(logging.WARNING)
    cases = [_case("kedro-asgi", kedro_asgi, length) for length in LENGTHS]
    cases += [_case("kedro", kedro, length) for length in LENGTHS if length <= LONGEST_FOR_KEDRO]
    print(f"{'us a node':<12}{'nodes':>7}{'build':>10}{'slice':>10}{'run':>10}")
    for case in cases:
        numbers = "".join(f"{case[name]:>10.2f}" for name in ("build_us", "slice_us", "run_us"))
        print(f"{case['engine']:<12}{case['nodes']:>7}{numbers}")
    for case in cases:
        print(json.dumps(case))


def _case(name: str, engine: Any, length: int) -> dict[str, Any]:
    repeats = max(3, min(50, 2_000 // length))
    whole = _chain(engine, length)
    middle = f"n{length // 2:05}"
    return {
        "engine": name,
        "nodes": length,
        "build_us": _us_a_node(lambda: _chain(engine, length), length, repeats),
        "slice_us": _us_a_node(
            lambda: whole.filter(from_nodes=[middle], to_nodes=[f"n{length - 1:05}"]).nodes, length, repeats
        ),
        "run_us": _us_a_node(lambda: _run(engine, whole), length, repeats),
    }


def _chain(engine: Any, length: int) -> Any:
    node = engine.pipeline.node
    return engine.pipeline.pipeline([node(step, f"d{n}", f"d{n + 1}", name=f"n{n:05}") for n in range(length)])


def _run(engine: Any, whole: Any) -> None:
    catalog = engine.io.DataCatalog({"d0": engine.io.MemoryDataset(0)})
    engine.runner.SequentialRunner().run(whole, catalog)


def _us_a_node(work: Callable[[], object], length: int, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return round(statistics.median(times) / length * 1e6, 2)


if __name__ == "__main__":
    main()
