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
from functools import partial
from pathlib import Path
from typing import Any

from harness import Case, Numbers, Options, add_ratios, read_options, take_turns, write
from load import Load, run_request, send
from servers import Server, bare, kedro_server_start, serve
from spaceflights import PREDICT, write_trained_project

from projects import write_project, write_starter

_IMPORTS = {
    "what it stands on": "starlette.applications, starlette.routing, anyio, msgspec, yaml, uvicorn, click, pluggy",
    "kedro_asgi.server": "kedro_asgi.server",
    "kedro_asgi.session": "kedro_asgi.session",
    "kedro.framework.session": "kedro.framework.session",
}
_MEASURE_IMPORT = "import time; start = time.process_time(); import {names}; print('took', time.process_time() - start)"
_PENGUIN = {"bill_length_mm": 46.5, "bill_depth_mm": 17.9, "flipper_length_mm": 192, "body_mass_g": 3500}


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    _imports(options)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spaceflights = write_trained_project(folder / "spaceflights")
        starter = write_starter(folder / "penguins")
        tiny = {engine: write_project(folder / engine, engine=engine) for engine in ("kedro_asgi", "kedro")}
        predict = {"pipeline_names": ["predict"], "inputs": {"features": [_PENGUIN]}, "outputs": ["predictions"]}
        started = [
            ("tiny", serve("kedro-asgi", tiny["kedro_asgi"]), {}),
            ("tiny", kedro_server_start("kedro", tiny["kedro"]), {}),
            ("spaceflights", serve("kedro-asgi", spaceflights), PREDICT),
            ("spaceflights", kedro_server_start("kedro", spaceflights), PREDICT),
            (
                "spaceflights",
                bare("script", "plain_spaceflights:create", KEDRO_PROJECT_PATH=str(spaceflights)),
                PREDICT,
            ),
            ("starter", serve("kedro-asgi", starter), predict),
        ]
        cases = [
            Case(side=server.name, conditions={"project": project}, measure=partial(_start, server, body))
            for project, server, body in started
        ]
        measured = take_turns(cases, rounds=options.pick(quick=2, full=7))
    compared, starter_alone = measured[:-1], measured[-1]
    rows = add_ratios(compared, "kedro", "first_run_s", "cpu_s", label="kedro")
    write("start", "from the start to the first answered run", [*rows, starter_alone.row()])


def _imports(options: Options) -> None:
    cases = [Case(side=side, measure=partial(_import, names)) for side, names in _IMPORTS.items()]
    measured = take_turns(cases, rounds=options.pick(quick=3, full=21))
    rows = add_ratios(measured, "what it stands on", "cpu_ms", label="base")
    write("imports", "importing", rows)


def _import(names: str) -> Numbers:
    command = [sys.executable, "-W", "ignore", "-c", _MEASURE_IMPORT.format(names=names)]
    # Kedro prints lines of its own.
    return {"cpu_ms": float(subprocess.check_output(command, text=True).rpartition("took")[2]) * 1000}


def _start(server: Server, body: dict[str, Any]) -> Numbers:
    started = time.perf_counter()
    with server.running() as process:
        listening_s = time.perf_counter() - started
        send(process.port, Load(requests=[run_request(body)], callers=1, times=1))
        first_run_s = time.perf_counter() - started
        cpu_s = process.total_cpu_seconds()
    return {"listening_s": listening_s, "first_run_s": first_run_s, "cpu_s": cpu_s}


if __name__ == "__main__":
    main()
