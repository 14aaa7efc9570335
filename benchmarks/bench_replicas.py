"""How many promised runs a second end on one server over PostgreSQL, on two, and on a front-end server and a worker?

``POST /runs?wait=60`` of two nodes: a caller gets its answer when its run has ended. All sides have as many callers in
all, and a database each on one PostgreSQL, which shares the cores with servers and load: more processes give more where
machines are separate. ``cpu_us`` is the CPU time of servers and workers for a run, ``database_us`` that of PostgreSQL.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import Case, Numbers, add_ratios, read_options, take_turns, write
from load import Load, request
from open_load import send_to_all
from postgres_server import RunningPostgres, running_postgres
from servers import Process, ours, running_worker

from projects import write_project

CALLERS = (8, 32)
_ONE, _TWO, _APART = "one server", "two servers", "front end and worker"
_RUN_AND_WAIT = request("POST", "/runs?wait=60", {"params": {"a": 10}})


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    times = options.pick(quick=200, full=2_000)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        project = write_project(Path(name) / "project", engine="kedro_asgi")
        sides = {side: _processes(stack, project, postgres, side) for side in (_ONE, _TWO, _APART)}
        for processes in sides.values():
            _run(postgres, processes, callers=8, times=100)
        cases = [
            Case(side=side, conditions={"callers": callers}, measure=partial(_run, postgres, processes, callers, times))
            for callers in CALLERS
            for side, processes in sides.items()
        ]
        measured = take_turns(cases, rounds=options.pick(quick=2, full=7))
    rows = add_ratios(measured, _ONE, "per_second", "cpu_us", label="one")
    write("replicas", "promised runs that end over PostgreSQL", rows)


def _processes(stack: ExitStack, project: Path, postgres: RunningPostgres, side: str) -> list[Process]:
    """Start the servers of a side, and its worker."""
    environ = {"KEDRO_SERVER_STORE": postgres.new_database(side.replace(" ", "_"))}
    if side != _APART:
        servers = [ours(side, project, **environ) for _ in range(2 if side == _TWO else 1)]
        return [stack.enter_context(server.running()) for server in servers]
    front_end = ours(side, project, **environ, KEDRO_SERVER_MAX_CONCURRENT_RUNS="0")
    started = stack.enter_context(front_end.running())
    return [started, stack.enter_context(running_worker(side, project, **environ))]


def _run(postgres: RunningPostgres, processes: Sequence[Process], callers: int, times: int) -> Numbers:
    """Have the callers run so many, evenly on all servers."""
    ports = [process.port for process in processes if process.port]
    load = Load(requests=[_RUN_AND_WAIT], callers=callers // len(ports), times=times // len(ports))
    servers, database = _cpu_seconds(processes), postgres.cpu_seconds()
    sent = send_to_all(ports, load)
    servers, database = _cpu_seconds(processes) - servers, postgres.cpu_seconds() - database
    return {**sent.numbers(), "cpu_us": servers / times * 1e6, "database_us": database / times * 1e6}


def _cpu_seconds(processes: Sequence[Process]) -> float:
    return sum(sum(process.cpu_seconds().values()) for process in processes)


if __name__ == "__main__":
    main()
