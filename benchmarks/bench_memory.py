"""How much memory does a server hold: idle, under load and after many runs?

Resident memory of ``kedro-asgi serve`` and of ``kedro server start``, as they come, with two nodes in memory. A tenth
of the many runs is submitted. As many runs are kept as fit into a fifth of them, so that forgetting is part of it.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from harness import Row, read_options, write
from load import Load, request, run_request, send
from servers import Process, kedro_server_start, serve

from projects import write_project

_RUN = run_request({"params": {"a": 10}})
_SUBMIT = request("POST", "/runs", {"params": {"a": 10}, "outputs": ["d"]})
_STEPS = 10


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    runs = options.pick(quick=5_000, full=100_000)
    environ = {"KEDRO_SERVER_KEEP_RUNS": str(runs // 5), "KEDRO_SERVER_MAX_QUEUED_RUNS": str(runs)}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        ours = serve("kedro-asgi", write_project(folder / "ours", engine="kedro_asgi"), **environ)
        theirs = kedro_server_start("kedro", write_project(folder / "theirs", engine="kedro"))
        processes = {server.name: stack.enter_context(server.running()) for server in (theirs, ours)}
        rows = [_row(process, "before the first run") for process in processes.values()]
        rows += [_row_after(process, "idle after one run", callers=1, times=1) for process in processes.values()]
        stage = "after runs, 32 at a time"
        rows.append(_row_after(processes["kedro"], stage, callers=32, times=100))
        rows.append(_row_after(processes["kedro-asgi"], stage, callers=32, times=2_000))
        _add_ratios(rows)
        write("memory", "memory", rows)
        write("memory_of_runs", "memory of kedro-asgi over many runs", _after_runs(processes["kedro-asgi"], runs))


def _row(process: Process, stage: str) -> Row:
    return {"stage": stage, "side": process.name, "memory_mib": process.memory_mib()}


def _row_after(process: Process, stage: str, *, callers: int, times: int) -> Row:
    send(process.port, Load(requests=[_RUN], callers=callers, times=times))
    return _row(process, stage)


def _add_ratios(rows: list[Row]) -> None:
    theirs = {row["stage"]: row["memory_mib"] for row in rows if row["side"] == "kedro"}
    for row in rows:
        row["memory_mib_to_kedro"] = row["memory_mib"] / theirs[row["stage"]]


def _after_runs(process: Process, runs: int) -> list[Row]:
    rows: list[Row] = [{"runs": 0, "memory_mib": process.memory_mib()}]
    step = runs // _STEPS
    for number in range(1, _STEPS + 1):
        send(process.port, Load(requests=[_RUN], callers=8, times=step - step // 10))
        send(process.port, Load(requests=[_SUBMIT], callers=8, times=step // 10, wanted=b'"status"'))
        rows.append({"runs": number * step, "memory_mib": process.memory_mib()})
    return rows


if __name__ == "__main__":
    main()
