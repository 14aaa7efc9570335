"""What does a run over HTTP cost, beside a bare Starlette route and Kedro's own server?

Each server is a real uvicorn on loopback; the client is this process. The servers take turns, round by round, so
that all see the same machine; the table shows the median of the rounds.
"""

import argparse
import json
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from load import KEDRO, OURS, Numbers, Server, measure, run_request, taking_turns

from projects import write_project

CONCURRENCIES = (1, 8, 32)
_RUN = run_request({"params": {"a": 10}})


class Case:
    """A server, and how many requests it takes to warm it up and to measure it."""

    def __init__(self, server: Server, *, warm_runs: int, requests: int) -> None:
        self.server = server
        self.warm_runs = warm_runs
        self.requests = requests

    def measure(self, concurrency: int, *, requests: int) -> Numbers:
        return measure(self.server, [_RUN] * requests, concurrency=concurrency)


def main() -> None:
    """Run the benchmark and print a table, then a JSON line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of requests")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        cases = {case.server.name: case for case in _cases(Path(folder), scale=arguments.scale)}
        for case in cases.values():
            stack.enter_context(case.server.running())
            case.measure(1, requests=case.warm_runs)
        medians = taking_turns(
            [case.server for case in cases.values()],
            CONCURRENCIES,
            lambda server, level: cases[server.name].measure(level, requests=cases[server.name].requests),
            rounds=arguments.rounds,
        )
        _report(list(cases), medians)


def _cases(folder: Path, *, scale: float) -> list[Case]:
    ours = write_project(folder / "ours", engine="kedro_asgi")
    fast = max(int(3000 * scale), 64)
    cases = [
        Case(Server("bare route", "bare_route:create"), warm_runs=200, requests=fast),
        Case(Server("kedro-asgi", OURS, project=ours), warm_runs=200, requests=fast),
    ]
    if find_spec("kedro") and find_spec("fastapi"):
        theirs = write_project(folder / "theirs", engine="kedro")
        requests = max(int(150 * scale), 32)
        cases.append(Case(Server("kedro server", KEDRO, project=theirs), warm_runs=5, requests=requests))
    return cases


def _report(names: list[str], medians: dict[tuple[str, int], Numbers]) -> None:
    cases = []
    print(f"{'server':<14}{'concurrency':>12}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'x bare':>8}")
    for concurrency in CONCURRENCIES:
        floor = medians[names[0], concurrency]["requests_per_s"]
        for name in names:
            numbers = medians[name, concurrency]
            share = numbers["requests_per_s"] / floor
            print(
                f"{name:<14}{concurrency:>12}{numbers['requests_per_s']:>12.0f}"
                f"{numbers['p50_ms']:>9.2f}{numbers['p99_ms']:>9.2f}{share:>8.3f}"
            )
            rounded = {key: round(value, 3) for key, value in numbers.items()}
            cases.append({"server": name, "concurrency": concurrency, **rounded, "share_of_bare": round(share, 3)})
    for case in cases:
        print(json.dumps(case))


if __name__ == "__main__":
    main()
