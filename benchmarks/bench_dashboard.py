"""What do open tabs of the dashboard cost a server that runs pipelines?

A tab that shows the list of runs waits for an event, and loads the list again at most once a second. Clients here do
the same without a browser, whose own work would take the processor from the server. The cases take turns.
"""

import argparse
import asyncio
import json
import tempfile
from contextlib import aclosing, suppress
from pathlib import Path

from load import OURS, Numbers, Server, load, request, run_request, stream, taking_turns

from projects import write_project

TABS = (0, 1, 10)
CONCURRENCY = 8
_RUN = run_request({"params": {"a": 10}})
_EVENTS = "/events?event=RunQueued&event=RunStarted&event=RunEnded"
_LIST = request("GET", "/runs?limit=50")
_PAUSE_SECONDS = 1.0


def main() -> None:
    """Run the benchmark and print a table, then a JSON line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server("kedro-asgi", OURS, project=write_project(Path(folder) / "ours", engine="kedro_asgi"))

        def measure(server: Server, tabs: int) -> Numbers:
            return asyncio.run(_load_with_tabs(server, tabs, requests=arguments.requests))

        with server.running():
            measure(server, 1)
            medians = taking_turns([server], TABS, measure, rounds=arguments.rounds)
    _report({tabs: numbers for (_, tabs), numbers in medians.items()})


async def _load_with_tabs(server: Server, tabs: int, *, requests: int) -> Numbers:
    """Run pipelines while so many tabs are open."""
    followers = [asyncio.create_task(_tab(server)) for _ in range(tabs)]
    try:
        return await load(server, [_RUN] * requests, concurrency=CONCURRENCY)
    finally:
        for follower in followers:
            follower.cancel()
            with suppress(asyncio.CancelledError):
                await follower


async def _tab(server: Server) -> None:
    """Load the list, wait for an event, and begin again after a while, as a tab does."""
    while True:
        async with aclosing(stream(server, _EVENTS)) as chunks:
            await load(server, [_LIST], concurrency=1, wanted=b'"runs"')
            async for chunk in chunks:
                if b"event:" in chunk:
                    break
        await asyncio.sleep(_PAUSE_SECONDS)


def _report(medians: dict[int, Numbers]) -> None:
    print(f"{'tabs':>4}{'runs/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'x none':>8}")
    floor = medians[0]["requests_per_s"]
    for tabs, numbers in medians.items():
        share = numbers["requests_per_s"] / floor
        print(
            f"{tabs:>4}{numbers['requests_per_s']:>10.0f}{numbers['p50_ms']:>9.2f}{numbers['p99_ms']:>9.2f}{share:>8.3f}"
        )
    for tabs, numbers in medians.items():
        rounded = {key: round(value, 3) for key, value in numbers.items()}
        print(json.dumps({"benchmark": "dashboard", "tabs": tabs, **rounded}))


if __name__ == "__main__":
    main()
