"""How do time and memory grow with nodes, catalog entries, files, pipelines, payloads and runs at a time?

A project is opened, run for the first time, and run when it is warm, in a process of its own; chains of nodes are also
built and sliced. These times are CPU times. Each line has the cost of one unit beside the whole. The exponent is that
of the power of the size that fits best: 0 is a constant cost, 1 a constant cost a unit, 2 a square.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from growth_sides import PROJECTS
from harness import Case, Measurement, Numbers, Options, Row, fitted_exponent, read_options, take_turns, write
from load import Load, run_request, send
from servers import Process, ours
from workers import worker

from projects import write_project

_SIZES = {
    "nodes in a chain": (10, 100, 1_000, 10_000),
    "nodes side by side": (10, 100, 1_000, 10_000),
    "catalog entries": (10, 100, 1_000, 10_000),
    "configuration files": (1, 10, 100, 1_000),
    "pipelines": (1, 10, 100, 300),
}
_PAYLOAD, _AT_A_TIME = "KiB of payload", "runs at a time"
_KIB = (1, 16, 256, 4 * 1024, 16 * 1024)
_CALLERS = (1, 8, 64, 512)
_ROW = {"name": "a shuttle", "engines": 4, "rating": 4.5, "seats": 12, "is_free": True}
_REGISTRY = """
import time

from kedro_asgi.pipeline import Pipeline, node


def wait(seconds):
    time.sleep(seconds)
    return 1


def register_pipelines():
    return {
        "count": Pipeline([node(len, "rows", "count", name="count")]),
        "wait": Pipeline([node(wait, "params:seconds", "done", name="wait")]),
    }
"""


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    exponents = [_grow(what, options) for what in PROJECTS]
    with tempfile.TemporaryDirectory() as name:
        files = {"src/{package}/pipeline_registry.py": _REGISTRY, "conf/base/parameters.yml": "seconds: 0.1\n"}
        project = write_project(Path(name) / "project", engine="kedro_asgi", files=files)
        exponents += [_grow_payload(project, options), _grow_runs(project, options)]
    write("growth_exponents", "exponents of growth", exponents)


def _grow(what: str, options: Options) -> Row:
    with ExitStack() as stack:
        asks = {size: stack.enter_context(worker("growth_sides", what=what, size=size)) for size in _SIZES[what]}
        cases = [
            Case(side=what, conditions={"size": size}, measure=partial(ask, repeats=_repeats(what, size)))
            for size, ask in asks.items()
        ]
        measured = take_turns(cases, rounds=options.pick(quick=2, full=9))
    parts = ("build_us", "slice_us", "tags_us") if what == "nodes in a chain" else ()
    return _write(what, measured, ("open_ms", "first_run_ms", "run_us", "memory_mib", *parts))


def _repeats(what: str, size: int) -> int:
    """Runs get longer only with their nodes."""
    return max(2_000 // size, 3) if what.startswith("nodes") else 300


def _grow_payload(project: Path, options: Options) -> Row:
    server = ours("payload", project, KEDRO_SERVER_MAX_BODY_BYTES=str(2**26))
    with server.running() as process:
        cases = [
            Case(side=_PAYLOAD, conditions={"size": kib}, measure=partial(_send_payload, process, kib)) for kib in _KIB
        ]
        measured = take_turns(cases, rounds=options.pick(quick=2, full=7))
    return _write(_PAYLOAD, measured, ("run_us", "cpu_us"))


def _send_payload(process: Process, kib: int) -> Numbers:
    """One caller sends so many KiB of rows; the server's memory is what it holds afterwards."""
    rows = [_ROW] * max(kib * 1024 // 75, 1)
    body = run_request({"pipeline_names": ["count"], "inputs": {"rows": rows}})
    before = process.cpu_seconds()
    sent = send(process.port, Load(requests=[body], callers=1, times=max(200 // kib, 2)))
    cpu_seconds = sum(process.cpu_seconds().values()) - sum(before.values())
    return {
        "run_us": sent.numbers()["p50_ms"] * 1000,
        "cpu_us": cpu_seconds / len(sent.times) * 1e6,
        "memory_mib": process.memory_mib(),
    }


def _grow_runs(project: Path, options: Options) -> Row:
    most = str(max(_CALLERS))
    server = ours("runs", project, KEDRO_SERVER_MAX_CONCURRENT_RUNS=most)
    with server.running() as process:
        cases = [
            Case(side=_AT_A_TIME, conditions={"size": callers}, measure=partial(_run_at_a_time, process, callers))
            for callers in _CALLERS
        ]
        measured = take_turns(cases, rounds=options.pick(quick=2, full=7))
    return _write(_AT_A_TIME, measured, ("cpu_us",))


def _run_at_a_time(process: Process, callers: int) -> Numbers:
    """So many runs wait for a tenth of a second; CPU time is that of all of them."""
    body = run_request({"pipeline_names": ["wait"]})
    before = process.cpu_seconds()
    sent = send(process.port, Load(requests=[body], callers=callers, times=4 * callers))
    cpu_seconds = sum(process.cpu_seconds().values()) - sum(before.values())
    numbers = sent.numbers()
    return {
        "p50_ms": numbers["p50_ms"],
        "p99_ms": numbers["p99_ms"],
        "cpu_us": cpu_seconds / 4 * 1e6,
        "memory_mib": process.memory_mib(),
    }


def _write(what: str, measured: Sequence[Measurement], names: Sequence[str]) -> Row:
    """Write the numbers with those of one unit; return the exponents of ``names``."""
    rows = []
    for measurement in measured:
        row, size = measurement.row(), int(measurement.case.conditions["size"])
        rows.append({"what": row.pop("side"), **row, **{f"{name}_a_unit": row[name] / size for name in names}})
    # The largest and the smallest of a round are a pair.
    if "run_us" in names:
        rows[-1]["run_us_to_smallest"] = measured[-1].ratio("run_us", measured[0])
    write("growth", f"growth with {what}", rows)
    sizes = [float(row["size"]) for row in rows]
    return {"what": what, **{f"{name}_exponent": fitted_exponent(sizes, [row[name] for row in rows]) for name in names}}


if __name__ == "__main__":
    main()
