"""What does a run over HTTP cost, beside a bare Starlette route and Kedro's own server?

Each server is a real uvicorn on loopback; the client is this process. The servers take turns, round by round, so
that all see the same machine; the table shows the median of the rounds.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from projects import write_project

CONCURRENCIES = (1, 8, 32)
_HERE = Path(__file__).parent


class Server:
    """One server under test."""

    def __init__(self, name: str, factory: str, *, project: Path | None, warm_runs: int, requests: int) -> None:
        self.name = name
        self.factory = factory
        self.project = project
        self.warm_runs = warm_runs
        self.requests = requests
        self.port = _free_port()

    @contextmanager
    def running(self) -> Iterator[None]:
        environ = {**os.environ, "DO_NOT_TRACK": "1", "PYTHONPATH": str(_HERE)}
        if self.project is not None:
            environ["KEDRO_PROJECT_PATH"] = str(self.project)
            environ["KEDRO_LOGGING_CONFIG"] = str(self.project / "conf" / "logging.yml")
        command = [sys.executable, "-m", "uvicorn", "--factory", self.factory, "--port", str(self.port)]
        command += ["--no-access-log", "--log-level", "warning"]
        process = subprocess.Popen(command, env=environ, cwd=_HERE)
        try:
            _wait_for(self.port, process)
            yield
        finally:
            process.terminate()
            process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise SystemExit(f"the server on port {port} ended with code {process.returncode}")
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


async def _connection(port: int, times: list[float], remaining: Iterator[int]) -> None:
    """One keep-alive connection sending requests as raw bytes: the client must cost less than the servers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"params":{"a":10}}'
    request = (
        b"POST /run HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    )
    for _ in remaining:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        times.append(time.perf_counter() - started)
        if b'"success"' not in answer:
            raise SystemExit(f"a run failed: {answer.decode()}")
    writer.close()


async def _load(port: int, *, requests: int, concurrency: int) -> tuple[list[float], float]:
    times: list[float] = []
    remaining = iter(range(requests))
    started = time.perf_counter()
    await asyncio.gather(*(_connection(port, times, remaining) for _ in range(concurrency)))
    return times, time.perf_counter() - started


def _measure(server: Server, concurrency: int, *, requests: int) -> dict[str, float]:
    times, seconds = asyncio.run(_load(server.port, requests=requests, concurrency=concurrency))
    ranked = sorted(times)
    return {
        "requests_per_s": len(times) / seconds,
        "p50_ms": statistics.median(ranked) * 1000,
        "p99_ms": ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))] * 1000,
    }


def _servers(folder: Path, *, scale: float) -> list[Server]:
    ours = write_project(folder / "ours", engine="kedro_asgi")
    fast = max(int(3000 * scale), 64)
    servers = [
        Server("bare route", "bare_route:create", project=None, warm_runs=200, requests=fast),
        Server("kedro-asgi", "kedro_asgi.server:create_http_server", project=ours, warm_runs=200, requests=fast),
    ]
    if find_spec("kedro") and find_spec("fastapi"):
        theirs = write_project(folder / "theirs", engine="kedro")
        factory = "kedro.server.http_server:create_http_server"
        requests = max(int(150 * scale), 32)
        servers.append(Server("kedro server", factory, project=theirs, warm_runs=5, requests=requests))
    return servers


def main() -> None:
    """Run the benchmark and print a table, then a JSON line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of requests")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = _servers(Path(folder), scale=arguments.scale)
        for server in servers:
            stack.enter_context(server.running())
            _measure(server, 1, requests=server.warm_runs)
        rounds = [
            (server.name, concurrency, _measure(server, concurrency, requests=server.requests))
            for _ in range(arguments.rounds)
            for concurrency in CONCURRENCIES
            for server in servers
        ]
        _report([server.name for server in servers], rounds)


def _report(names: list[str], rounds: list[tuple[str, int, dict[str, float]]]) -> None:
    cases = []
    print(f"{'server':<14}{'concurrency':>12}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'x bare':>8}")
    for concurrency in CONCURRENCIES:
        floor = _median(rounds, names[0], concurrency)["requests_per_s"]
        for name in names:
            numbers = _median(rounds, name, concurrency)
            share = numbers["requests_per_s"] / floor
            print(
                f"{name:<14}{concurrency:>12}{numbers['requests_per_s']:>12.0f}"
                f"{numbers['p50_ms']:>9.2f}{numbers['p99_ms']:>9.2f}{share:>8.3f}"
            )
            rounded = {key: round(value, 3) for key, value in numbers.items()}
            cases.append({"server": name, "concurrency": concurrency, **rounded, "share_of_bare": round(share, 3)})
    for case in cases:
        print(json.dumps(case))


def _median(rounds: list[tuple[str, int, dict[str, float]]], name: str, concurrency: int) -> dict[str, float]:
    found = [numbers for other, level, numbers in rounds if (other, level) == (name, concurrency)]
    return {key: statistics.median(numbers[key] for numbers in found) for key in found[0]}


if __name__ == "__main__":
    main()
