"""What does a process of its own cost a run, and what does it give runs that compute?

Threads and processes take turns within one run of this file. CPU time is that of the server and of its processes: wall
time depends on what else the machine does. Two runs that compute need two cores with nothing else on them.
"""

import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import anyio
from harness import Options, read_options, write

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from kedro_asgi.dispatch import Dispatcher, ExecutorChoice, Policy
from kedro_asgi.runs import RunOrder, RunSpec, Slice
from kedro_asgi.session import AsyncSession
from project_files import write_project

KINDS = ("thread", "process")
_RUNS_A_ROUND = 10
_MEBIBYTE = "x" * 2**20

_REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node

def add(x, y):
    return x + y

def double(x):
    return 2 * x

def same(value):
    return value

def compute(n):
    return sum(number * number for number in range(int(n)))

def register_pipelines():
    return {
        "__default__": Pipeline([]),
        "two_nodes": Pipeline([node(add, ["params:a", "params:b"], "s"), node(double, "s", "d")]),
        "same": Pipeline([node(same, "value", "given")]),
        "compute": Pipeline([node(compute, "params:n", "computed")]),
    }
"""


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "conf/base/parameters.yml": "a: 1\nb: 2\nn: 5000000\n",
            "src/{package}/pipeline_registry.py": _REGISTRY,
        }
        cases = anyio.run(_measured, write_project(Path(folder) / "project", files), options)
    rows = [{**case, "more": case["process"] - case["thread"]} for case in cases]
    write("processes", "runs in threads, and in processes of their own", rows)


async def _measured(project: Path, options: Options) -> list[dict[str, Any]]:
    async with AsyncExitStack() as stack:
        sides = {kind: await stack.enter_async_context(_dispatcher(project, kind)) for kind in KINDS}
        for runs in sides.values():
            for _ in range(2 * _RUNS_A_ROUND):
                await runs.run(_order("two_nodes", "d"))
        # The second process opens the project meanwhile.
        await anyio.sleep(3)
        large = _order("same", "given", inputs={"value": [_MEBIBYTE] * 16})
        return [
            *await _alternating(
                "run of two nodes", sides, _order("two_nodes", "d"), options.pick(quick=10, full=30), _RUNS_A_ROUND
            ),
            *await _alternating("16 MiB in, 16 MiB out", sides, large, options.pick(quick=2, full=10), 1),
            await _side_by_side(sides, pairs=options.pick(quick=2, full=5)),
        ]


def _dispatcher(project: Path, kind: Any) -> Dispatcher:
    session = AsyncSession.create(project_path=project)
    return Dispatcher(session, policy=Policy(max_concurrent_runs=2), executor=ExecutorChoice(default=kind))


def _order(pipeline: str, output: str, **spec: Any) -> RunOrder:
    return RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,)), outputs=(output,), **spec))


async def _alternating(
    name: str, sides: Mapping[str, Dispatcher], order: RunOrder, rounds: int, runs_a_round: int
) -> list[dict[str, Any]]:
    """Return the medians of CPU time and wall time of a run, in milliseconds."""
    cpu_ms: dict[str, list[float]] = {kind: [] for kind in sides}
    wall_ms: dict[str, list[float]] = {kind: [] for kind in sides}
    for _ in range(rounds):
        for kind, runs in sides.items():
            cpu_before, before = _cpu_ms(), time.perf_counter()
            for _ in range(runs_a_round):
                assert (await runs.run(order)).record.status == "success"
            wall_ms[kind].append((time.perf_counter() - before) * 1000 / runs_a_round)
            cpu_ms[kind].append((_cpu_ms() - cpu_before) / runs_a_round)
    return [
        {"case": f"{name}, CPU ms", **{kind: round(statistics.median(cpu_ms[kind]), 3) for kind in sides}},
        {"case": f"{name}, wall ms", **{kind: round(statistics.median(wall_ms[kind]), 3) for kind in sides}},
    ]


async def _side_by_side(sides: Mapping[str, Dispatcher], *, pairs: int) -> dict[str, Any]:
    """Return how many times as long two computing runs at a time take as one."""
    order = _order("compute", "computed")
    ratios: dict[str, list[float]] = {kind: [] for kind in sides}
    for _ in range(pairs):
        for kind, runs in sides.items():
            one = await _seconds(lambda runs=runs: runs.run(order))
            two = await _seconds(lambda runs=runs: _both(runs, order))
            ratios[kind].append(two / one)
    return {"case": "two that compute / one", **{kind: round(statistics.median(ratios[kind]), 2) for kind in sides}}


async def _both(runs: Dispatcher, order: RunOrder) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(runs.run, order)


async def _seconds(work: Callable[[], Any]) -> float:
    before = time.perf_counter()
    await work()
    return time.perf_counter() - before


def _cpu_ms() -> float:
    """Return the CPU time of the threads of this process and of its children, as the scheduler counts it."""
    total_ns = 0
    for pid in (os.getpid(), *_children(os.getpid())):
        # A thread may end meanwhile.
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e6


def _children(pid: int) -> list[int]:
    lists = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    return [int(child) for children in lists for child in children]


if __name__ == "__main__":
    main()
