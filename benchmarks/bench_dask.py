"""How many empty runs a second does a Dask cluster execute, compared with bare tasks of the same cluster?

The cluster has two worker processes with a thread each. A bare task is a ``client.submit`` of a function that does
nothing; a run of two nodes goes through ``--executor dask``, with its order, events and outputs. One process waits for
8 and for 32 at a time, in turns; runs in its threads are the third side. ``scheduler_us`` and ``worker_us`` are the CPU
time of the cluster for each.
"""

import logging
import statistics
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
from dask_sides import Call, Cluster, call_in_turn, executing, running_cluster, submitting
from harness import Numbers, Options, Row, read_options, write

from projects import write_project

CALLERS = (8, 32)
_BARE = "bare client.submit"


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        project = write_project(Path(name) / "project", engine="kedro_asgi")
        with running_cluster(project) as cluster:
            rows = anyio.run(_measured, project, cluster, options)
    write("dask", "empty runs on a Dask cluster", rows)


async def _measured(project: Path, cluster: Cluster, options: Options) -> list[Row]:
    async with AsyncExitStack() as stack:
        sides: Mapping[str, Call] = {
            _BARE: await submitting(stack, cluster),
            "--executor dask": await executing(stack, project, cluster),
            "--executor thread": await executing(stack, project, None),
        }
        for call in sides.values():
            await call_in_turn(cluster, call, callers=4, times=30)
        times = options.pick(quick=100, full=1_500)
        found: dict[tuple[str, int], list[Numbers]] = {}
        for _ in range(options.pick(quick=2, full=7)):
            for callers in CALLERS:
                for side, call in sides.items():
                    found.setdefault((side, callers), []).append(await call_in_turn(cluster, call, callers, times))
    return [_row(side, callers, rounds, found[_BARE, callers]) for (side, callers), rounds in found.items()]


def _row(side: str, callers: int, rounds: list[Numbers], bare: list[Numbers]) -> Row:
    medians = {name: statistics.median(numbers[name] for numbers in rounds) for name in rounds[0]}
    ratios = (mine["per_second"] / theirs["per_second"] for mine, theirs in zip(rounds, bare, strict=True))
    return {"callers": callers, "side": side, **medians, "per_second_to_bare": statistics.median(ratios)}


if __name__ == "__main__":
    main()
