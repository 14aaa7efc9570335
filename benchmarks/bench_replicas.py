"""How many promised runs a second end on one server over PostgreSQL, and how many on two?

``POST /runs?wait=60`` of two nodes: a caller gets its answer when its run has ended. Both sides have as many callers
in all, and a database each on one PostgreSQL, which shares the cores with servers and load: a second server gives more
where machines are separate. ``database_us`` is the CPU time that PostgreSQL takes for a run.
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
from servers import Process, Server, ours

from projects import write_project

CALLERS = (8, 32)
_ONE = "one server"
_RUN_AND_WAIT = request("POST", "/runs?wait=60", {"params": {"a": 10}})


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    times = options.pick(quick=300, full=2_000)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        project = write_project(Path(name) / "project", engine="kedro_asgi")
        sides = {
            side: [stack.enter_context(server.running()) for server in _servers(project, postgres, side, count)]
            for side, count in ((_ONE, 1), ("two servers", 2))
        }
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


def _servers(project: Path, postgres: RunningPostgres, side: str, count: int) -> list[Server]:
    environ = {"KEDRO_SERVER_STORE": postgres.new_database(f"servers_{count}")}
    return [ours(side, project, **environ) for _ in range(count)]


def _run(postgres: RunningPostgres, processes: Sequence[Process], callers: int, times: int) -> Numbers:
    """Have the callers run so many, evenly on all servers."""
    count = len(processes)
    load = Load(requests=[_RUN_AND_WAIT], callers=callers // count, times=times // count)
    servers, database = _cpu_seconds(processes), postgres.cpu_seconds()
    sent = send_to_all([process.port for process in processes], load)
    servers, database = _cpu_seconds(processes) - servers, postgres.cpu_seconds() - database
    return {**sent.numbers(), "cpu_us": servers / times * 1e6, "database_us": database / times * 1e6}


def _cpu_seconds(processes: Sequence[Process]) -> float:
    return sum(sum(process.cpu_seconds().values()) for process in processes)


if __name__ == "__main__":
    main()
