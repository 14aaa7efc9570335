"""How many submits a second does a server accept, each on disk before its answer?

``POST /runs`` of two nodes from 1, 8 and 50 connections. The accepted runs execute meanwhile. The bare route commits
one row a request to SQLite, and runs nothing. Where ``BENCH_POSTGRES_URL`` names an empty database, a second server
keeps its runs there.
"""

import os
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import Case, Numbers, add_ratios, read_options, take_turns, write
from load import Load, request, send, send_with_failures
from servers import Process, bare, ours

from projects import write_project

CALLERS = (1, 8, 50)
_BARE = "bare route, a commit each"
_SUBMIT = request("POST", "/runs", {"params": {"a": 10}})
_UNFINISHED = request("GET", "/runs?status=queued&status=running&limit=1")


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    times = options.pick(quick=1_500, full=3_000)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        project = write_project(Path(name) / "project", engine="kedro_asgi")
        # Runs that wait have places for two rounds, so that none is refused.
        environ = {"KEDRO_SERVER_MAX_QUEUED_RUNS": str(2 * times)}
        servers = [ours("kedro-asgi", project, **environ)]
        if url := os.environ.get("BENCH_POSTGRES_URL"):
            servers.append(ours("kedro-asgi, PostgreSQL", project, **environ, KEDRO_SERVER_STORE=url))
        floor = stack.enter_context(bare(_BARE, "bare_commit:create", BENCH_FOLDER=name).running())
        processes = [stack.enter_context(server.running()) for server in servers]
        cases = []
        for callers in CALLERS:
            submit = partial(_submit, floor, times, callers)
            cases.append(Case(side=floor.name, conditions={"callers": callers}, measure=submit))
            for process in processes:
                submit = partial(_submit_and_drain, process, times, callers)
                cases.append(Case(side=process.name, conditions={"callers": callers}, measure=submit))
        measured = take_turns(cases, rounds=options.pick(quick=3, full=9))
    write("submits", "accepted submits", add_ratios(measured, _BARE, "per_second", label="bare"))


def _submit(process: Process, times: int, callers: int) -> Numbers:
    return send(process.port, Load(requests=[_SUBMIT], callers=callers, times=times, wanted=b'"queued"')).numbers()


def _submit_and_drain(process: Process, times: int, callers: int) -> Numbers:
    """Submit, and wait until all runs have ended, so that they do not disturb the next round."""
    started = time.perf_counter()
    numbers = _submit(process, times, callers)
    # The list is empty when all runs have ended.
    ended = Load(requests=[_UNFINISHED], callers=1, times=1, wanted=b'"runs":[]')
    while send_with_failures(process.port, ended).failed:
        time.sleep(0.02)
    return {**numbers, "ended_per_second": times / (time.perf_counter() - started)}


if __name__ == "__main__":
    main()
