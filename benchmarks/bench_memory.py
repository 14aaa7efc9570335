"""Does memory stay flat over many short runs? Prints the server's resident memory as it goes."""

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from projects import write_project
from serving import load, request, server

RUN = request("POST", "/run", b'{"params":{"a":10}}')
SUBMIT = request("POST", "/runs", b'{"params":{"a":10},"outputs":["d"]}')


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the system does not tell resident memory")


def main() -> None:
    """Run a hundred thousand runs, a tenth of them submitted, and print a JSON line ten times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    arguments = parser.parse_args()
    step = arguments.runs // 10
    # As many are kept as fit into a fifth of the benchmark, so that forgetting is part of it.
    environ = {"KEDRO_SERVER_KEEP_RUNS": str(arguments.runs // 5), "KEDRO_SERVER_MAX_QUEUED_RUNS": str(step)}
    with tempfile.TemporaryDirectory() as folder:
        project = write_project(Path(folder) / "project", engine="kedro_asgi")
        with server(project, environ=environ) as (port, pid):
            for number in range(1, 11):
                run = load(port, RUN, requests=step - step // 10, concurrency=8, wanted=b'"success"')
                asyncio.run(run)
                asyncio.run(load(port, SUBMIT, requests=step // 10, concurrency=8, wanted=b'"status"'))
                print(json.dumps({"runs": number * step, "resident_mib": round(_resident_mib(pid), 1)}), flush=True)


if __name__ == "__main__":
    main()
