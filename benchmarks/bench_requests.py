"""What does a run over HTTP cost, compared with a bare Starlette route and with Kedro's server?

``POST /run`` of two nodes in memory; kedro-asgi records every run in a file. Servers under uvicorn log warnings only. A
second comparison has ``kedro-asgi serve`` as it comes, with its log lines and without, and the bare route with the
access log of uvicorn and without.

The load shares the cores with the server, so throughput and latency depend on both. CPU time a request is that of the
server's threads alone (``cpu_us``; of them event loop, run, writer, others), and the steadier figure.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import Case, Measurement, Numbers, Options, Row, add_ratios, merge_rows, read_options, take_turns, write
from load import Load, run_request, send
from servers import QUIET, Process, Server, bare, kedro, ours, serve

from projects import write_project

CALLERS = (1, 8, 32, 128)
_RUN = run_request({"params": {"a": 10}})
_BARE, _OURS, _KEDRO = "bare route", "kedro-asgi", "kedro server"
_SERVE, _SERVE_QUIET = "kedro-asgi serve", "kedro-asgi serve, no logs"
_BARE_LOGS = "bare route, access log"


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = write_project(folder / "ours", engine="kedro_asgi")
        theirs = write_project(folder / "theirs", engine="kedro")
        times = options.pick(quick=1000, full=4000)
        quiet = [
            (bare(_BARE), times),
            (ours(_OURS, project), times),
            (kedro(_KEDRO, theirs), options.pick(quick=20, full=100)),
        ]
        measured = _measure(quiet, CALLERS, options)
        write("requests", "POST /run, warnings only", _rows(measured))

        times = options.pick(quick=700, full=2000)
        logged_project = write_project(folder / "logged", engine="kedro_asgi", is_silent=False)
        logged = [
            (bare(_BARE, logs=False), times),
            (bare(_BARE_LOGS, logs=True), times),
            (serve(_SERVE, logged_project), times),
            (serve(_SERVE_QUIET, logged_project, *QUIET), times),
        ]
        measured = _measure(logged, options.pick(quick=CALLERS[1:], full=CALLERS), options)
        write("logs", "POST /run, with log lines and without", _logged_rows(measured))


def _measure(servers: Sequence[tuple[Server, int]], levels: Sequence[int], options: Options) -> list[Measurement]:
    with ExitStack() as stack:
        running = [(stack.enter_context(server.running()), times) for server, times in servers]
        for process, times in running:
            send(process.port, Load(requests=[_RUN], callers=8, times=max(10, times // 8)))
        cases = [
            Case(side=process.name, conditions={"callers": level}, measure=partial(_round, process, level, times))
            for level in levels
            for process, times in running
        ]
        return take_turns(cases, rounds=options.pick(quick=3, full=9))


def _round(process: Process, callers: int, times: int) -> Numbers:
    """Return numbers of one load, with the CPU time that the server took for each request."""
    before = process.cpu_seconds()
    sent = send(process.port, Load(requests=[_RUN], callers=callers, times=max(times, callers)))
    after = process.cpu_seconds()
    taken = {role: (after[role] - before[role]) / len(sent.times) * 1e6 for role in after}
    return {**sent.numbers(), "cpu_us": sum(taken.values()), **{f"{role}_us": us for role, us in taken.items()}}


def _rows(measured: Sequence[Measurement]) -> list[Row]:
    to_bare = add_ratios(measured, _BARE, "per_second", "cpu_us", label="bare")
    return merge_rows(to_bare, add_ratios(measured, _KEDRO, "per_second", label="kedro"))


def _logged_rows(measured: Sequence[Measurement]) -> list[Row]:
    """Compare each side with its twin: that without logs, or the bare route that logs as well."""
    without = add_ratios(measured, _SERVE_QUIET, "per_second", "cpu_us", label="no_logs")
    return merge_rows(without, add_ratios(measured, _BARE_LOGS, "per_second", "cpu_us", label="bare_logs"))


if __name__ == "__main__":
    main()
