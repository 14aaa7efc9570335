"""How long does a start take, until a server has answered its first run, compared with Kedro's server?

``kedro-asgi serve`` and ``kedro server start`` as they come: from the start of the process to the answer. The tiny
project has two nodes in memory, the starter and spaceflights predict with a trained model. The script behind a bare
route shows what the libraries of spaceflights take alone. Imports are measured
inside a fresh interpreter, as CPU time: of the server, and of the libraries that it stands on.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from harness import Case, Numbers, Options, Row, add_ratios, read_options, take_turns, write
from load import Load, run_request, send
from servers import Server, bare, kedro_server_start, serve
from spaceflights import PREDICT, write_trained_project

from projects import write_project, write_starter

_IMPORTS = {
    "what it stands on": "starlette.applications, starlette.routing, anyio, msgspec, yaml, uvicorn, click, pluggy",
    "kedro_asgi.server": "kedro_asgi.server",
    "kedro_asgi.session": "kedro_asgi.session.service_session",
    "kedro.framework.session": "kedro.framework.session",
}
_MEASURE_IMPORT = "import time; start = time.process_time(); import {names}; print('took', time.process_time() - start)"
_PENGUIN = {"bill_length_mm": 46.5, "bill_depth_mm": 17.9, "flipper_length_mm": 192, "body_mass_g": 3500}
_CLASSIFY = {"pipeline_names": ["predict"], "inputs": {"features": [_PENGUIN]}, "outputs": ["predictions"]}


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A server of a project, and its first run."""

    project: str
    server: Server
    body: dict[str, Any] = {}

    def case(self) -> Case:
        """Return the case that starts the server and sends the run."""
        return Case(side=self.server.name, conditions={"project": self.project}, measure=self.measure)

    def measure(self) -> Numbers:
        """Start the server, send the run, and end the server."""
        started = time.perf_counter()
        with self.server.running() as process:
            listening_s = time.perf_counter() - started
            send(process.port, Load(requests=[run_request(self.body)], callers=1, times=1))
            first_run_s = time.perf_counter() - started
            cpu_s = process.total_cpu_seconds()
        return {"listening_s": listening_s, "first_run_s": first_run_s, "cpu_s": cpu_s}


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    _imports(options)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [
            *_starts(_tiny(folder), options.pick(quick=2, full=7)),
            *_starts(_real(folder), options.pick(quick=1, full=7)),
        ]
        starter = Start(
            project="starter", server=serve("kedro-asgi", write_starter(folder / "penguins")), body=_CLASSIFY
        )
        (alone,) = take_turns([starter.case()], rounds=options.pick(quick=1, full=7))
    write("start", "from the start to the first answered run", [*rows, alone.row()])


def _tiny(folder: Path) -> list[Start]:
    ours, theirs = (write_project(folder / engine, engine=engine) for engine in ("kedro_asgi", "kedro"))
    servers = (serve("kedro-asgi", ours), kedro_server_start("kedro", theirs))
    return [Start(project="tiny", server=server) for server in servers]


def _real(folder: Path) -> list[Start]:
    project = write_trained_project(folder / "spaceflights")
    servers = (
        serve("kedro-asgi", project),
        kedro_server_start("kedro", project),
        bare("script", "plain_spaceflights:create", KEDRO_PROJECT_PATH=str(project)),
    )
    return [Start(project="spaceflights", server=server, body=PREDICT) for server in servers]


def _starts(starts: Sequence[Start], rounds: int) -> list[Row]:
    measured = take_turns([start.case() for start in starts], rounds=rounds)
    return add_ratios(measured, "kedro", "first_run_s", "cpu_s", label="kedro")


def _imports(options: Options) -> None:
    cases = [Case(side=side, measure=partial(_import, names)) for side, names in _IMPORTS.items()]
    measured = take_turns(cases, rounds=options.pick(quick=3, full=21))
    rows = add_ratios(measured, "what it stands on", "cpu_ms", label="base")
    write("imports", "importing", rows)


def _import(names: str) -> Numbers:
    command = [sys.executable, "-W", "ignore", "-c", _MEASURE_IMPORT.format(names=names)]
    # Kedro prints lines of its own.
    return {"cpu_ms": float(subprocess.check_output(command, text=True).rpartition("took")[2]) * 1000}


if __name__ == "__main__":
    main()
