"""How long does ``/health`` take while runs sleep, read or compute?

One caller asks ``/health`` every two milliseconds; 8 or 32 others keep as many runs going, each of about 20 ms. The
bare route does the same work in a worker thread a request; ``kedro-asgi serve`` and uvicorn log warnings only.
"""

import asyncio
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import Case, Numbers, add_ratios, read_options, take_turns, write
from load import Load, request, run_async, run_request, send_checked
from servers import QUIET, Process, bare, serve
from work import FILE_VARIABLE

from projects import write_project

RUNS = (8, 32)
KINDS = ("sleep", "read", "compute")
_BARE = "bare route"
_HEALTH = request("GET", "/health")
_PAUSE_SECONDS = 0.002
_REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node

import work


def register_pipelines():
    return {
        name: Pipeline([node(getattr(work, name), "params:a", "done", name=name)])
        for name in ("sleep", "read", "compute")
    }
"""


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        registry = {"src/{package}/pipeline_registry.py": _REGISTRY}
        project = write_project(Path(name) / "project", engine="kedro_asgi", files=registry)
        file = {FILE_VARIABLE: str(Path(name) / "read.bin")}
        Path(file[FILE_VARIABLE]).write_bytes(bytes(2**20))
        servers = (bare(_BARE, "bare_work:create", **file), serve("kedro-asgi", project, *QUIET, **file))
        processes = [stack.enter_context(server.running()) for server in servers]
        seconds = options.pick(quick=0.4, full=1.0)
        cases = [
            Case(
                side=process.name,
                conditions={"runs": runs, "kind": kind},
                measure=partial(_round, process, kind, runs, seconds),
            )
            for kind, runs in (("none", 0), *((kind, runs) for kind in KINDS for runs in RUNS))
            for process in processes
        ]
        for process in processes:
            for kind in KINDS:
                _round(process, kind, 8, 0.1)
        measured = take_turns(cases, rounds=options.pick(quick=2, full=7))
    write("responsiveness", "/health while runs do something", add_ratios(measured, _BARE, "p99_ms", label="bare"))


def _round(process: Process, kind: str, runs: int, seconds: float) -> Numbers:
    return run_async(_probe(process, kind, runs, seconds))


async def _probe(process: Process, kind: str, runs: int, seconds: float) -> Numbers:
    health = Load(requests=[_HEALTH], callers=1, seconds=seconds, wanted=b" 200 ", pause_seconds=_PAUSE_SECONDS)
    probing = send_checked(process.port, health)
    if not runs:
        answers = await probing
        return {**_health_numbers(answers.numbers()), "runs_per_second": float("nan")}
    run = Load(requests=[run_request({"pipeline_names": [kind]})], callers=runs, seconds=seconds)
    answers, done = await asyncio.gather(probing, send_checked(process.port, run))
    return {**_health_numbers(answers.numbers()), "runs_per_second": done.numbers()["per_second"]}


def _health_numbers(numbers: Numbers) -> Numbers:
    return {name: numbers[name] for name in ("p50_ms", "p99_ms", "p999_ms")}


if __name__ == "__main__":
    main()
