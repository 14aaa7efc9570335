"""How long do the nodes of one run take on a Dask cluster, compared with bare tasks and with the ideal?

``wide`` is 200 nodes that each wait 50 ms, which need nothing of each other: four workers with a thread each take 2.5 s
at best. ``chain`` is 50 nodes that do nothing, each of which takes the output of the one before it. A bare task is a
``client.submit`` of the same function, all at once. ``to_ideal`` is the time by that of the waits alone.
"""

import logging
import time
from collections.abc import Callable
from functools import partial

import node_functions
from distributed import Client, LocalCluster
from harness import Case, Measurement, Numbers, Row, add_ratios, merge_rows, read_options, take_turns, write

from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import DaskRunner

WORKERS = 4
WIDTH = 200
LENGTH = 50
WAIT_SECONDS = 0.05
_BARE = "bare client.submit"


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    logging.disable(logging.WARNING)
    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        cases = _cases(client, DaskRunner(client=client))
        for case in cases:
            case.measure()
        measured = take_turns(cases, rounds=options.pick(quick=2, full=9))
    to_bare = add_ratios(measured, _BARE, "seconds", label="bare")
    write("dask_runner", "the nodes of one run on a Dask cluster", merge_rows(to_bare, list(map(_to_ideal, measured))))


def _cases(client: Client, runner: DaskRunner) -> list[Case]:
    wide = Pipeline([node(node_functions.wait, "x", f"y{n}", name=f"n{n}") for n in range(WIDTH)])
    chain = Pipeline([node(node_functions.same, f"x{n}", f"x{n + 1}", name=f"n{n}") for n in range(LENGTH)])
    return [
        _case(_BARE, "wide", partial(_submit_wide, client)),
        _case("DaskRunner", "wide", lambda: runner.run(wide, DataCatalog({"x": MemoryDataset(WAIT_SECONDS)}))),
        _case(_BARE, "chain", partial(_submit_chain, client)),
        _case("DaskRunner", "chain", lambda: runner.run(chain, DataCatalog({"x0": MemoryDataset(0)}))),
    ]


def _case(side: str, pipeline: str, work: Callable[[], object]) -> Case:
    return Case(side=side, conditions={"pipeline": pipeline}, measure=partial(_timed, work))


def _timed(work: Callable[[], object]) -> Numbers:
    begun, own = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - begun, "client_cpu_seconds": time.process_time() - own}


def _submit_wide(client: Client) -> None:
    futures = [client.submit(node_functions.wait, WAIT_SECONDS, pure=False) for _ in range(WIDTH)]
    client.gather(futures)


def _submit_chain(client: Client) -> None:
    future = client.submit(node_functions.same, 0, pure=False)
    for _ in range(LENGTH - 1):
        future = client.submit(node_functions.same, future, pure=False)
    future.result()


def _to_ideal(measured: Measurement) -> Row:
    if measured.case.conditions["pipeline"] != "wide":
        return {}
    return {"to_ideal": measured.median("seconds") / (WIDTH * WAIT_SECONDS / WORKERS)}


if __name__ == "__main__":
    main()
