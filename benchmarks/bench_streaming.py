"""How soon does a client have what a generator node yields, and how many chunks a second does a server stream?

The chunks of the first cases hold the time at which they were yielded; nodes pause, or compute, for 5 ms between two.
The client and the server are processes of one machine, so they read the same clock. The rate is that of chunks of 20
bytes that a node yields as fast as it can.
"""

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

from harness import Case, Numbers, read_options, take_turns, write
from load import request, run_async
from servers import Process, ours

from projects import write_project

_REGISTRY = """
import asyncio, time
from kedro_asgi.pipeline import Pipeline, node

def pauses(count):
    for _ in range(count):
        yield time.monotonic_ns()
        time.sleep(0.005)

def computes(count):
    for _ in range(count):
        yield time.monotonic_ns()
        until, number = time.perf_counter() + 0.005, 0
        while time.perf_counter() < until:
            number += 1

async def awaits(count):
    for _ in range(count):
        yield time.monotonic_ns()
        await asyncio.sleep(0.005)

def floods(count):
    for number in range(count):
        yield f"{number:018}"

def register_pipelines():
    nodes = (pauses, computes, awaits, floods)
    return {
        "__default__": Pipeline([]),
        **{node_.__name__: Pipeline([node(node_, "params:a", "chunks", name="yield")]) for node_ in nodes},
    }
"""
_LAST = b'"event":"answer"'


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    runs, flood = options.pick(quick=30, full=300), options.pick(quick=5_000, full=50_000)
    with tempfile.TemporaryDirectory() as name:
        files = {"src/{package}/pipeline_registry.py": _REGISTRY}
        project = write_project(Path(name) / "project", engine="kedro_asgi", files=files)
        with (
            ours("thread", project).running() as threads,
            ours("process", project, KEDRO_SERVER_EXECUTOR="process").running() as processes,
        ):
            sides = [threads, processes]
            latencies = [
                Case(
                    side=side.name,
                    conditions={"node": node},
                    measure=lambda side=side, node=node: run_async(_latency(side, node, runs=runs)),
                )
                for node in ("pauses", "computes", "awaits")
                for side in sides
            ]
            rates = [
                Case(side=side.name, measure=lambda side=side: run_async(_rate(side, chunks=flood))) for side in sides
            ]
            rounds = options.pick(quick=1, full=3)
            measured = take_turns(latencies, rounds=rounds)
            write("streaming", "from a yield to the client, in milliseconds", [one.row() for one in measured])
            measured = take_turns(rates, rounds=rounds)
            write("streaming_rate", "chunks a second of one stream", [one.row() for one in measured])


async def _latency(server: Process, node: str, *, runs: int) -> Numbers:
    """Return how long the first chunks of so many runs took, and those that followed."""
    first: list[float] = []
    later: list[float] = []
    for number in range(runs + 1):
        found = [taken - yielded for yielded, taken in await _stream(server, node, 4)]
        if number:
            # The run before them has opened the project.
            first.append(found[0] / 1e6)
            later += [nanoseconds / 1e6 for nanoseconds in found[1:]]
    return {
        "first_p50_ms": statistics.median(first),
        "first_p99_ms": statistics.quantiles(first, n=100, method="inclusive")[-1],
        "later_p50_ms": statistics.median(later),
        "later_p99_ms": statistics.quantiles(later, n=100, method="inclusive")[-1],
    }


async def _rate(server: Process, *, chunks: int) -> Numbers:
    await _stream(server, "floods", 1)
    started = time.perf_counter()
    found = await _stream(server, "floods", chunks)
    seconds = time.perf_counter() - started
    if len(found) != chunks:
        raise RuntimeError(f"{len(found)} of {chunks} chunks came")
    return {"chunks_per_second": chunks / seconds}


async def _stream(server: Process, node: str, count: int) -> list[tuple[int, int]]:
    """Return the values of the chunks of a run, each with the time at which it was there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**20)
    body = {"pipeline_names": [node], "params": {"a": count}, "outputs": ["chunks"]}
    writer.write(request("POST", "/run", body, Accept="application/x-ndjson"))
    chunks: list[tuple[int, int]] = []
    try:
        while _LAST not in (line := await reader.readline()):
            taken = time.monotonic_ns()
            if b'"event":"chunk"' in line:
                chunks.append((int(json.loads(line)["value"]), taken))
            elif not line:
                raise RuntimeError("the stream broke off")
    finally:
        writer.close()
    if b'"success"' not in line:
        raise RuntimeError(line.decode())
    return chunks


if __name__ == "__main__":
    main()
