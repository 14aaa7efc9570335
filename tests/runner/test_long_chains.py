"""Time per node stays the same, however many there are. ``benchmarks/bench_growth.py`` has the numbers."""

import time
from collections.abc import Callable

import pytest
from runner_functions import boom, same

from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import AbstractRunner, SequentialRunner, ThreadRunner


def chain(length: int) -> Pipeline:
    nodes = [node(same, f"d{n}", f"d{n + 1}", name=f"n{n:05}", tags=f"t{n % 2}") for n in range(length)]
    return Pipeline(nodes)


def fan(length: int) -> Pipeline:
    return Pipeline([node(same, "d0", f"d{n + 1}", name=f"n{n:05}") for n in range(length)])


def run(runner: AbstractRunner, pipeline: Pipeline) -> None:
    runner.run(pipeline, DataCatalog({"d0": MemoryDataset(0)}))


def fail_late(pipeline: Pipeline) -> None:
    """Nothing is persistent, so that the hint goes back to the first node."""
    failing = Pipeline([*pipeline.nodes[:-1], node(boom, pipeline.nodes[-1].inputs, "end", name="end")])
    with pytest.raises(ZeroDivisionError):
        run(SequentialRunner(), failing)


WORK: dict[str, tuple[Callable[[int], Pipeline], Callable[[Pipeline], object]]] = {
    "construction": (chain, lambda made: chain(len(made.nodes))),
    "a slice by nodes": (chain, lambda made: made.filter(from_nodes=["n00040"], to_nodes=["n00090"]).nodes),
    "a slice to the end": (chain, lambda made: made.filter(from_nodes=["n00040"]).nodes),
    "a slice by tags": (chain, lambda made: made.filter(tags=["t1"]).nodes),
    "a run": (chain, lambda made: run(SequentialRunner(), made)),
    "a run of only what is missing": (
        chain,
        lambda made: SequentialRunner().run(made, DataCatalog({"d0": MemoryDataset(0)}), only_missing_outputs=True),
    ),
    "a run that fails": (chain, fail_late),
    "a run in threads": (chain, lambda made: run(ThreadRunner(max_workers=2), made)),
    "a run in threads, all nodes at a time": (fan, lambda made: run(ThreadRunner(max_workers=2), made)),
}


@pytest.mark.parametrize("name", WORK)
def test_time_per_node_does_not_grow(name: str) -> None:
    """What grows with the square is ten times slower for each node; noise is given three tries."""
    make, work = WORK[name]
    short, long = make(100), make(1_000)
    assert any(seconds(work, long, 3) / 10 < 4 * seconds(work, short, 10) for _ in range(3))


def seconds(work: Callable[[Pipeline], object], pipeline: Pipeline, repeats: int) -> float:
    """Return the processor's time: others may be at work on the machine."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        work(pipeline)
        times.append(time.process_time() - started)
    return min(times)
