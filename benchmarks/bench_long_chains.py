"""Does time per node stay the same, however long a pipeline is?

Chains of nodes: built, sliced by nodes and by tags, and run, by this engine and, up to the length that it can bear, by
Kedro.
"""

import gc
import json
import logging
import os
import statistics
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

LENGTHS = (10, 100, 1_000, 10_000)
LONGEST_FOR_KEDRO = 1_000
COLUMNS = ("build_us", "slice_us", "tags_us", "run_us")


def step(x: int) -> int:
    """What every node does."""
    return x + 1


def main() -> None:
    """Run the benchmark and print a table, then a JSON line for each case."""
    os.environ["DO_NOT_TRACK"] = "1"
    warnings.simplefilter("ignore")
    # Ours first: what Kedro imports is a burden on the garbage collector, which our numbers should not show.
    cases = _cases("kedro_asgi", LENGTHS)
    cases += _cases("kedro", [length for length in LENGTHS if length <= LONGEST_FOR_KEDRO])
    print(f"{'us a node':<12}{'nodes':>7}{'build':>10}{'slice':>10}{'tags':>10}{'run':>10}")
    for case in cases:
        numbers = "".join(f"{case[name]:>10.2f}" for name in COLUMNS)
        print(f"{case['engine']:<12}{case['nodes']:>7}{numbers}")
    for case in cases:
        print(json.dumps(case))


def _cases(engine: str, lengths: tuple[int, ...] | list[int]) -> list[dict[str, Any]]:
    for room in ("io", "pipeline", "runner"):
        import_module(f"{engine}.{room}")
    logging.disable(logging.WARNING)
    return [_case(import_module(engine), length) for length in lengths]


def _case(engine: Any, length: int) -> dict[str, Any]:
    repeats = max(5, min(50, 5_000 // length))
    whole = _chain(engine, length)
    first, last = f"n{length // 2:05}", f"n{length - 1:05}"
    work = {
        "build_us": lambda: _chain(engine, length),
        "slice_us": lambda: whole.filter(from_nodes=[first], to_nodes=[last]).nodes,
        "tags_us": lambda: whole.filter(tags=["even"]).nodes,
        "run_us": lambda: _run(engine, whole),
    }
    gc.collect()
    gc.freeze()
    times = {name: _us_a_node(do, length, repeats) for name, do in work.items()}
    return {"engine": engine.__name__.replace("_", "-"), "nodes": length, **times}


def _chain(engine: Any, length: int) -> Any:
    node = engine.pipeline.node
    tags = ("even", "odd")
    nodes = [node(step, f"d{n}", f"d{n + 1}", name=f"n{n:05}", tags=tags[n % 2]) for n in range(length)]
    return engine.pipeline.pipeline(nodes)


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
