"""What does a second worker process give, and how many does ``--workers auto`` start?

``predict`` of spaceflights, 1 and 32 callers, by ``kedro-asgi serve`` as it comes, with warnings only.
"""

import os
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import Case, Numbers, Options, add_ratios, read_options, take_turns, write
from load import Load, run_request, send
from servers import QUIET, Process, serve
from spaceflights import PREDICT, write_trained_project

_ONE = "1 worker"
_RUN = run_request(PREDICT)


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        project = write_trained_project(Path(name) / "spaceflights")
        settings = {_ONE: "1", f"auto, {os.cpu_count()} cores": "auto"}
        servers = [serve(side, project, "--workers", workers, *QUIET) for side, workers in settings.items()]
        processes = [stack.enter_context(server.running()) for server in servers]
        for process in processes:
            # Every worker reads the project before the first round.
            send(process.port, Load(requests=[_RUN], callers=16, times=60))
        cases = [
            Case(side=process.name, conditions={"callers": callers}, measure=partial(_round, process, callers, options))
            for callers in (1, 32)
            for process in processes
        ]
        measured = take_turns(cases, rounds=options.pick(quick=3, full=9))
    write("workers", "predict by several worker processes", add_ratios(measured, _ONE, "per_second", label="one"))


def _round(process: Process, callers: int, options: Options) -> Numbers:
    times = max(options.pick(quick=40, full=200), 4 * callers)
    numbers = send(process.port, Load(requests=[_RUN], callers=callers, times=times)).numbers()
    return {**numbers, "memory_mib": process.memory_mib()}


if __name__ == "__main__":
    main()
