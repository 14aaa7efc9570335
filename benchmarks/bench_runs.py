"""What do records, events and promises cost?

``/run`` with the store in a file, beside the same server with runs in memory only and, where ``--baseline`` names the
``app`` folder of another checkout, beside that; submits that are accepted; events to a hundred subscribers.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from projects import write_project
from serving import load, request, server, stream

RUN = request("POST", "/run", b'{"params":{"a":10}}')
SUBMIT = request("POST", "/runs", b'{"params":{"a":10}}')
SUBSCRIBERS = 100


def _bench_run(folder: Path, *, rounds: int, requests: int, concurrency: int, baseline: str | None) -> None:
    cases = {"file": {}, "memory": {"KEDRO_SERVER_STORE": "memory:"}}
    if baseline:
        cases["baseline"] = {"PYTHONPATH": baseline}
    with ExitStack() as stack:
        ports = {}
        for name, environ in cases.items():
            project = write_project(folder / name, engine="kedro_asgi")
            ports[name], _ = stack.enter_context(server(project, environ=environ))
            asyncio.run(load(ports[name], RUN, requests=300, concurrency=1, wanted=b'"success"'))
        found: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, port in ports.items():
                measured = asyncio.run(load(port, RUN, requests=requests, concurrency=concurrency, wanted=b'"success"'))
                found[name].append(measured["requests_per_s"])
    medians = {name: statistics.median(values) for name, values in found.items()}
    for name in cases:
        share = round(medians["file"] / medians[name], 3)
        _print("run", store=name, concurrency=concurrency, per_s=round(medians[name]), file_share=share)


def _bench_submit(folder: Path, *, requests: int) -> None:
    project = write_project(folder / "submit", engine="kedro_asgi")
    environ = {"KEDRO_SERVER_MAX_QUEUED_RUNS": str(10 * requests)}
    for concurrency in (1, 8, 50):
        with server(project, environ=environ) as (port, _):
            measured = asyncio.run(load(port, SUBMIT, requests=requests, concurrency=concurrency, wanted=b'"queued"'))
        _print("submit", concurrency=concurrency, **{name: round(value, 2) for name, value in measured.items()})


def _bench_events(folder: Path, *, runs: int) -> None:
    project = write_project(folder / "events", engine="kedro_asgi")
    with server(project) as (port, _):
        _print("events", subscribers=SUBSCRIBERS, **asyncio.run(_fan_out(port, runs=runs)))


async def _fan_out(port: int, *, runs: int) -> dict[str, float]:
    counts, lost, done = [0] * SUBSCRIBERS, [0] * SUBSCRIBERS, asyncio.Event()

    async def listen(number: int) -> None:
        async for chunk in stream(port, "/events"):
            counts[number] += chunk.count(b"data: ")
            lost[number] += chunk.count(b"EventsLost")

    listeners = [asyncio.create_task(listen(number)) for number in range(SUBSCRIBERS)]
    await asyncio.sleep(1)
    started = time.perf_counter()
    await load(port, RUN, requests=runs, concurrency=8, wanted=b'"success"')
    loaded = time.perf_counter() - started
    before = -1
    while sum(counts) != before:
        before, seconds = sum(counts), time.perf_counter() - started
        await asyncio.sleep(0.5)
    for listener in listeners:
        listener.cancel()
    done.set()
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
        for concurrency in (1, 8, 32):
            _bench_run(
                folder / str(concurrency),
                rounds=arguments.rounds,
                requests=requests,
                concurrency=concurrency,
                baseline=arguments.baseline,
            )
        _bench_submit(folder, requests=requests)
        _bench_events(folder, runs=max(int(500 * arguments.scale), 20))


if __name__ == "__main__":
    main()
