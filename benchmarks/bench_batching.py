"""What do joined runs bring a prediction over HTTP, compared with Kedro's server and with a run for each request?

The `predict` of spaceflights, with the model loaded once. Each request sends one offer of its own. Kedro's server takes
no inputs: it prices the six offers of the project's file, and loads the model for each run. `kedro-asgi serve`
starts the other two.
"""

import itertools
import json
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from harness import Case, Measurement, Numbers, Options, Row, find, read_options, take_turns, write
from load import Load, run_request, send, send_with_failures
from servers import Process, Server, kedro, serve
from spaceflights import MODEL, PREDICT, offers, write_trained_project

os.environ["DO_NOT_TRACK"] = "1"

_BATCHED, _UNBATCHED, _KEDRO = "kedro-asgi, batched", "kedro-asgi", "kedro"
_CALLERS = (1, 32, 128)
_OPTIONS = """
[tool.kedro-asgi.batching.predict]
inputs = ["offers"]
outputs = ["predictions"]
"""


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A server, the requests that it gets, and how many of them at each number of callers."""

    server: Server
    requests: Sequence[bytes]
    times: dict[int, int]


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    with tempfile.TemporaryDirectory() as name:
        project = write_trained_project(Path(name) / "spaceflights")
        served = [*_ours(project, options), _kedro(project, options)]
        with ExitStack() as stack:
            running = [(stack.enter_context(one.server.running()), one) for one in served]
            for process, one in running:
                _warm_up(process, one)
            cases = [
                Case(side=process.name, conditions={"callers": callers}, measure=partial(_round, process, one, callers))
                for callers in _CALLERS
                for process, one in running
            ]
            measured = take_turns(cases, rounds=options.pick(quick=2, full=7))
            batches = _batches(running[0][0])
    write("batching", "one offer a request", [_row(one, measured) for one in measured])
    write("batching_batches", "the batches of all rounds", [batches])


def _ours(project: Path, options: Options) -> Iterator[Served]:
    batched = project.with_name("batched")
    shutil.copytree(project, batched)
    with (batched / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(_OPTIONS)
    requests = list(_requests(project))
    joined = options.pick(quick={1: 50, 32: 960, 128: 1280}, full={1: 200, 32: 3200, 128: 6400})
    single = options.pick(quick={1: 50, 32: 96, 128: 128}, full={1: 200, 32: 480, 128: 640})
    # As they are started in production: under uvicorn alone, the collector of garbage looks at all modules again and
    # again, which takes a third of a second.
    preload = {"KEDRO_SERVER_PRELOAD": MODEL}
    silence = {"KEDRO_LOGGING_CONFIG": str(project / "conf" / "logging.yml")}
    for name, folder, times in ((_BATCHED, batched, joined), (_UNBATCHED, project, single)):
        yield Served(server=serve(name, folder, **preload, **silence), requests=requests, times=times)


def _kedro(project: Path, options: Options) -> Served:
    times = options.pick(quick={1: 3, 32: 32, 128: 32}, full={1: 20, 32: 64, 128: 128})
    return Served(server=kedro(_KEDRO, project), requests=[run_request(PREDICT)], times=times)


def _requests(project: Path) -> Iterator[bytes]:
    """Yield requests that differ in their offers."""
    for number, offer in zip(range(60), itertools.cycle(offers(project)), strict=False):
        body: dict[str, Any] = {
            **PREDICT,
            "outputs": ["predictions"],
            "inputs": {"offers": [{**offer, "offer_id": number}]},
        }
        yield run_request(body)


def _warm_up(process: Process, one: Served) -> None:
    for callers in (1, 8) if one.server.name != _KEDRO else (1,):
        send(process.port, Load(requests=one.requests, callers=callers, times=callers * 4))


def _round(process: Process, one: Served, callers: int) -> Numbers:
    load = Load(requests=one.requests, callers=callers, times=one.times[callers])
    # Kedro's server fails some of several runs at a time; only those that succeed count.
    sent = send_with_failures(process.port, load)
    return {**sent.numbers(), "failed": float(len(sent.failed)), "memory_mib": process.memory_mib()}


def _row(one: Measurement, measured: Sequence[Measurement]) -> Row:
    ratios = {
        f"{name}_to_{label}": one.ratio(name, find(measured, side, **one.case.conditions))
        for side, label in ((_UNBATCHED, "unbatched"), (_KEDRO, "kedro"))
        for name in ("per_second", "p50_ms", "p99_ms")
    }
    return {**one.row(), **ratios}


def _batches(process: Process) -> Row:
    """Return what the server tells of its batches."""
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/batching") as answer:
        (state,) = json.load(answer)["pipelines"]
    return {key: state[key] for key in ("runs", "batches", "runs_per_batch", "mean_wait_ms", "seconds_saved")}


if __name__ == "__main__":
    main()
