"""What do records, events and promises cost?

``/run`` with the store in a file, beside the same server with runs in memory only and, where ``--baseline`` names the
``app`` folder of another checkout, beside that; submits that are accepted; events to a hundred subscribers.
"""

import argparse
import asyncio
import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from load import OURS, Server, load, measure, request, run_request, stream, taking_turns

from projects import write_project

RUN = run_request({"params": {"a": 10}})
SUBMIT = request("POST", "/runs", {"params": {"a": 10}})
CONCURRENCIES = (1, 8, 32)
SUBSCRIBERS = 100


def _bench_run(folder: Path, *, rounds: int, requests: int, baseline: str | None) -> None:
    cases = {"file": {}, "memory": {"KEDRO_SERVER_STORE": "memory:"}}
    if baseline:
        cases["baseline"] = {"PYTHONPATH": baseline}
    servers = [_server(folder / name, name, **environ) for name, environ in cases.items()]
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server.running())
            measure(server, [RUN] * 300, concurrency=1)
        medians = taking_turns(
            servers,
            CONCURRENCIES,
            lambda server, level: measure(server, [RUN] * requests, concurrency=level),
            rounds=rounds,
        )
    for (name, concurrency), numbers in medians.items():
        share = medians["file", concurrency]["requests_per_s"] / numbers["requests_per_s"]
        per_s = round(numbers["requests_per_s"])
        _print("run", store=name, concurrency=concurrency, per_s=per_s, file_share=round(share, 3))


def _bench_submit(folder: Path, *, requests: int) -> None:
    for concurrency in (1, 8, 50):
        server = _server(folder / f"submit{concurrency}", "submit", KEDRO_SERVER_MAX_QUEUED_RUNS=str(2 * requests))
        with server.running():
            measured = measure(server, [SUBMIT] * requests, concurrency=concurrency, wanted=b'"queued"')
        _print("submit", concurrency=concurrency, **{name: round(value, 2) for name, value in measured.items()})


def _bench_events(folder: Path, *, runs: int) -> None:
    server = _server(folder / "events", "events")
    with server.running():
        _print("events", subscribers=SUBSCRIBERS, **asyncio.run(_fan_out(server, runs=runs)))


def _server(folder: Path, name: str, **environ: str) -> Server:
    return Server(name, OURS, project=write_project(folder, engine="kedro_asgi"), **environ)


async def _fan_out(server: Server, *, runs: int) -> dict[str, float]:
    counts, lost = [0] * SUBSCRIBERS, [0] * SUBSCRIBERS

    async def listen(number: int) -> None:
        async for chunk in stream(server, "/events"):
            counts[number] += chunk.count(b"data: ")
            lost[number] += chunk.count(b"EventsLost")

    listeners = [asyncio.create_task(listen(number)) for number in range(SUBSCRIBERS)]
    await asyncio.sleep(1)
    started = time.perf_counter()
    await load(server, [RUN] * runs, concurrency=8)
    loaded = time.perf_counter() - started
    before = -1
    while sum(counts) != before:
        before, seconds = sum(counts), time.perf_counter() - started
        await asyncio.sleep(0.5)
    for listener in listeners:
        listener.cancel()
    return {
        "runs": runs,
        "runs_per_s": round(runs / loaded),
        "told": sum(counts),
        "told_per_s": round(sum(counts) / seconds),
        "share_told": round(sum(counts) / (10 * runs * SUBSCRIBERS), 3),
        "notices_of_loss": sum(lost),
    }


def _print(question: str, **facts: object) -> None:
    print(json.dumps({"question": question, **facts}), flush=True)


def main() -> None:
    """Run the benchmarks; prints a JSON line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of requests")
    parser.add_argument("--baseline", help="app folder of a checkout to compare /run with")
    arguments = parser.parse_args()
    requests = max(int(3000 * arguments.scale), 64)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _bench_run(folder, rounds=arguments.rounds, requests=requests, baseline=arguments.baseline)
        _bench_submit(folder, requests=requests)
        _bench_events(folder, runs=max(int(500 * arguments.scale), 20))


if __name__ == "__main__":
    main()
