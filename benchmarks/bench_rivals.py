"""What does a prediction cost with kedro-asgi, and what with BentoML, LitServe and Ray Serve, in batches and without?

All sides have the same model, the same functions around it and the same requests: one offer each, for the `predict` of
spaceflights. `pricing` is what the other servers call. Each side has the machine to itself: a round starts one server
after another. ``make bench-rivals`` installs the others, each in an environment of its own; those that are missing are
left out.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec
from harness import Case, Measurement, Numbers, Options, Row, find, read_options, write
from load import Load, request, send_with_failures
from pricing import Offers, Pricer
from servers import HERE, QUIET, Process, Server, serve
from spaceflights import MODEL, PREDICT, offers, write_trained_project

os.environ["DO_NOT_TRACK"] = "1"

_OURS = "kedro-asgi"
_CALLERS = (1, 8, 32, 128)
_REQUESTS = 60
_START_SECONDS = 120.0
_OPTIONS = """
[tool.kedro-asgi.batching.predict]
inputs = ["offers"]
outputs = ["predictions"]
"""
_ENVIRONMENTS = HERE.parent / ".rivals"
# What each of them is started with, and that it may not do: tell its makers what its users do.
_RIVALS: dict[str, tuple[Sequence[str], dict[str, str]]] = {
    "bentoml": (
        ("bentoml", "serve", "bentoml_service:Prices", "--host", "127.0.0.1"),
        {"BENTOML_DO_NOT_TRACK": "True"},
    ),
    "litserve": (("litserve_server",), {}),
    "ray": (
        ("ray_server",),
        # It would write a token into the home folder, not get ready on a busy machine, and leave its processors to the
        # load, which has a better niceness than its workers by default.
        {
            "RAY_AUTH_MODE": "disabled",
            "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
            "RAY_worker_niceness": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
        },
    ),
}
_VERSIONS = "from importlib.metadata import version; import sys; print(*map(version, sys.argv[1:]))"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A server, where it takes requests, and how they and its answers look."""

    name: str
    server: Server
    path: str
    is_ours: bool

    def body(self, rows: Offers) -> dict[str, Any]:
        """Return the body of a request for the prices of offers."""
        return {**PREDICT, "inputs": {"offers": rows}, "outputs": ["predictions"]} if self.is_ours else {"offers": rows}

    def prices(self, answer: Any) -> Any:
        """Return the prices in an answer."""
        return answer["outputs"]["predictions"] if self.is_ours else answer


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    with tempfile.TemporaryDirectory() as name:
        project = write_trained_project(Path(name) / "spaceflights")
        given = list(_requests(project))
        expected = [Pricer(project)(rows) for rows in given]
        sides = [*_ours(project), *_rivals(project)]
        rounds = []
        for number in range(options.pick(quick=1, full=3)):
            rounds.append([_round(side, given, expected, options) for side in sides])
            print(f"round {number + 1} is over", flush=True)
    measured = [_measurement(side, callers, found) for callers in _CALLERS for side, found in _by_side(sides, rounds)]
    write("rivals", "one offer a request", [_row(one, measured) for one in measured])
    write("rivals_versions", "installed", list(_versions()))


def _ours(project: Path) -> Iterator[Side]:
    batched = project.with_name("batched")
    shutil.copytree(project, batched)
    with (batched / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(_OPTIONS)
    environ = {"KEDRO_SERVER_PRELOAD": MODEL, "KEDRO_LOGGING_CONFIG": str(project / "conf" / "logging.yml")}
    for folder, workers in ((project, 1), (batched, 1), (batched, 2)):
        name = _name(_OURS, is_batched=folder is batched, workers=workers)
        server = serve(name, folder, "--workers", str(workers), *QUIET, **environ)
        yield Side(name=name, server=server, path="/run", is_ours=True)


def _rivals(project: Path) -> Iterator[Side]:
    for name, (arguments, environ) in _RIVALS.items():
        if not (python := _python(name)).exists():
            print(f"{name} is not installed in {_ENVIRONMENTS}, so it is left out")
            continue
        for is_batched, workers in ((False, 1), (True, 1), (True, 2)):
            title = _name(name, is_batched=is_batched, workers=workers)
            settings = {"BENCH_BATCHED": str(int(is_batched)), "BENCH_WORKERS": str(workers)}
            folders = {"BENTOML_HOME": str(project.with_name("bentoml")), "RAY_TMPDIR": str(project.parent)}
            server = Server(
                name=title,
                python=str(python),
                arguments=arguments,
                environ={**environ, **settings, **folders, "BENCH_PROJECT": str(project)},
                cwd=HERE / "rivals",
            )
            yield Side(name=title, server=server, path="/predict", is_ours=False)


def _name(server: str, *, is_batched: bool, workers: int) -> str:
    return f"{server}{', batched' if is_batched else ''}{f', {workers} workers' if workers > 1 else ''}"


def _python(rival: str) -> Path:
    return _ENVIRONMENTS / rival / "bin" / "python"


def _versions() -> Iterator[Row]:
    for name in _RIVALS:
        if (python := _python(name)).exists():
            packages = (name, "pandas", "scikit-learn")
            command = [str(python), "-c", _VERSIONS, *packages]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            yield {"side": name, **dict(zip(("version", *packages[1:]), found, strict=True))}


def _requests(project: Path) -> Iterator[Offers]:
    """Yield requests that differ in their offers."""
    for number, offer in zip(range(_REQUESTS), cycle(offers(project)), strict=False):
        yield [{**offer, "offer_id": number}]


# --- one round of a side ---


def _round(side: Side, given: Sequence[Offers], expected: Sequence[Offers], options: Options) -> dict[int, Numbers]:
    """Start a server, check its answers, and return what it does at each number of callers."""
    requests = [request("POST", side.path, side.body(rows)) for rows in given]
    with side.server.running() as process:
        _wait_for_answers(process, side, given[0])
        for rows, prices in zip(given, expected, strict=True):
            if (answer := side.prices(_ask(process, side, rows))) != prices:
                raise SystemExit(f"{side.name} answers {answer!r} where {prices!r} is right")
        idle = _idle(process, seconds=options.pick(quick=0.5, full=2.0))
        seconds = options.pick(quick=0.5, full=1.0)
        for callers in _CALLERS:
            send_with_failures(
                process.port, Load(requests=requests, callers=callers, seconds=seconds, wanted=b'"price"')
            )
        seconds = options.pick(quick=0.7, full=3.0)
        return {callers: {**_load(process, requests, callers, seconds), **idle} for callers in _CALLERS}


def _load(process: Process, requests: Sequence[bytes], callers: int, seconds: float) -> Numbers:
    before = process.cpu_seconds_of_all()
    load = Load(requests=requests, callers=callers, seconds=seconds, wanted=b'"price"')
    sent = send_with_failures(process.port, load)
    cpu_us = (process.cpu_seconds_of_all() - before) / len(sent.times) * 1e6
    return {**sent.numbers(), "failed": float(len(sent.failed)), "cpu_us": cpu_us}


def _idle(process: Process, *, seconds: float) -> Numbers:
    """Return what a server takes that has answered, and gets no requests."""
    before = process.cpu_seconds_of_all()
    time.sleep(seconds)
    share = (process.cpu_seconds_of_all() - before) / seconds
    return {"idle_memory_mib": process.shared_memory_mib(), "idle_cpu_percent": share * 100}


def _wait_for_answers(process: Process, side: Side, rows: Offers) -> None:
    """Wait until a request succeeds: some listen before they have loaded anything."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            _ask(process, side, rows)
        except (OSError, urllib.error.HTTPError) as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"{side.name} does not answer: {error}") from error
            time.sleep(0.05)
        else:
            return


def _ask(process: Process, side: Side, rows: Offers) -> Any:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{process.port}{side.path}",
        data=json.dumps(side.body(rows)).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)


# --- results ---


def _by_side(sides: Sequence[Side], rounds: Sequence[Any]) -> Iterator[tuple[Side, Sequence[dict[int, Numbers]]]]:
    return zip(sides, zip(*rounds, strict=True), strict=True)


def _measurement(side: Side, callers: int, rounds: Sequence[dict[int, Numbers]]) -> Measurement:
    numbers = [found[callers] for found in rounds]
    return Measurement(
        case=Case(side=side.name, conditions={"callers": callers}, measure=partial(dict, numbers[0])), rounds=numbers
    )


def _row(one: Measurement, measured: Sequence[Measurement]) -> Row:
    """Return a row with what kedro-asgi does under the same conditions, as a multiple of what this side does."""
    ours = find(measured, _OURS + one.case.side.removeprefix(one.case.side.partition(",")[0]), **one.case.conditions)
    names = ("per_second", "p50_ms", "p99_ms", "cpu_us")
    return {**one.row(), **{f"{name}_of_ours": ours.ratio(name, one) for name in names}}


if __name__ == "__main__":
    main()
