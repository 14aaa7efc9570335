"""Does memory stay flat over many short runs? Prints the server's resident memory as it goes."""

import argparse
import json
import tempfile
from pathlib import Path

from load import OURS, Server, measure, request, run_request

from projects import write_project

RUN = run_request({"params": {"a": 10}})
SUBMIT = request("POST", "/runs", {"params": {"a": 10}, "outputs": ["d"]})


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
        server = Server("memory", OURS, project=project, **environ)
        with server.running():
            for number in range(1, 11):
                measure(server, [RUN] * (step - step // 10), concurrency=8)
                measure(server, [SUBMIT] * (step // 10), concurrency=8, wanted=b'"status"')
                print(json.dumps({"runs": number * step, "resident_mib": round(server.resident_mb(), 1)}), flush=True)


if __name__ == "__main__":
    main()
