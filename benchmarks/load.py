"""Servers on loopback, each in a process of its own, and the load that the benchmarks put on them."""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OURS = "kedro_asgi.server:create_http_server"
KEDRO = "kedro.server.http_server:create_http_server"

Numbers = dict[str, float]


class Server:
    """One server under test: a uvicorn of its own."""

    def __init__(self, name: str, factory: str, *, project: Path | None = None, **environ: str) -> None:
        self.name = name
        self.port = _free_port()
        self._factory = factory
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None
        self.start_seconds = 0.0
        if project is not None:
            self._environ["KEDRO_PROJECT_PATH"] = str(project)
            self._environ["KEDRO_LOGGING_CONFIG"] = str(project / "conf" / "logging.yml")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start the server, wait until it listens, and end it afterwards."""
        started = time.perf_counter()
        environ = {**os.environ, **self._environ, "DO_NOT_TRACK": "1"}
        environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, [environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "uvicorn", "--factory", self._factory, "--port", str(self.port)]
        command += ["--no-access-log", "--log-level", "warning"]
        process = self._process = subprocess.Popen(command, env=environ, cwd=HERE)
        try:
            _wait_for(self.port, process)
            self.start_seconds = time.perf_counter() - started
            yield
        finally:
            process.terminate()
            process.wait(20)

    def resident_mb(self) -> float:
        """Return how much memory the server holds now; NaN where the system does not say so as Linux does."""
        status = Path(f"/proc/{self._process.pid if self._process else 0}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), float("nan"))


def request(method: str, path: str, body: Any = None) -> bytes:
    """Return a request of HTTP as bytes; ``body`` is sent as JSON."""
    lines, content = [f"{method} {path} HTTP/1.1", "Host: bench"], b""
    if body is not None:
        content = json.dumps(body, separators=(",", ":")).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def run_request(body: Any) -> bytes:
    """Return a request for a run."""
    return request("POST", "/run", body)


async def load(server: Server, requests: Iterable[bytes], *, concurrency: int, wanted: bytes = b'"success"') -> Numbers:
    """Send requests, so many at a time; an answer that is not as wanted ends the benchmark."""
    times, seconds, failed = await _load(server.port, requests, concurrency, wanted)
    if failed:
        raise SystemExit(f"{len(failed)} answers of {server.name} are not as wanted: {failed[0].decode()}")
    return _numbers(times, seconds)


def measure(server: Server, requests: Iterable[bytes], *, concurrency: int, wanted: bytes = b'"success"') -> Numbers:
    """Do what `load` does, where no event loop runs."""
    return asyncio.run(load(server, requests, concurrency=concurrency, wanted=wanted))


def measure_with_failures(server: Server, requests: Iterable[bytes], *, concurrency: int) -> Numbers:
    """Do what `measure` does, but count runs that fail; those per second are the ones that succeed."""
    times, seconds, failed = asyncio.run(_load(server.port, requests, concurrency, b'"success"'))
    successes = len(times) - len(failed)
    return {**_numbers(times, seconds), "requests_per_s": successes / seconds, "failed": len(failed)}


def taking_turns(
    servers: Iterable[Server], levels: Iterable[int], run: Callable[[Server, int], Numbers], *, rounds: int
) -> dict[tuple[str, int], Numbers]:
    """Measure round by round, so that all servers see the same machine; return medians by name and concurrency."""
    found: dict[tuple[str, int], list[Numbers]] = {}
    servers, levels = list(servers), list(levels)
    for _ in range(rounds):
        for level in levels:
            for server in servers:
                found.setdefault((server.name, level), []).append(run(server, level))
    return {case: _medians(numbers) for case, numbers in found.items()}


def _medians(rounds: list[Numbers]) -> Numbers:
    return {key: statistics.median(numbers[key] for numbers in rounds) for key in rounds[0]}


def _numbers(times: list[float], seconds: float) -> Numbers:
    ranked = sorted(times)
    return {
        "requests_per_s": len(times) / seconds,
        "p50_ms": statistics.median(ranked) * 1000,
        "p99_ms": ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))] * 1000,
    }


async def stream(server: Server, path: str) -> AsyncIterator[bytes]:
    """Yield the chunks of a stream of events."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**20)
    writer.write(request("GET", path))
    await reader.readuntil(b"\r\n\r\n")
    try:
        while chunk := await reader.read(2**16):
            yield chunk
    finally:
        writer.close()


async def _load(
    port: int, requests: Iterable[bytes], concurrency: int, wanted: bytes
) -> tuple[list[float], float, list[bytes]]:
    times: list[float] = []
    failed: list[bytes] = []
    remaining = iter(list(requests))
    started = time.perf_counter()
    await asyncio.gather(*(_connection(port, remaining, wanted, times, failed) for _ in range(concurrency)))
    return times, time.perf_counter() - started, failed


async def _connection(
    port: int, remaining: Iterator[bytes], wanted: bytes, times: list[float], failed: list[bytes]
) -> None:
    """One keep-alive connection sending requests as raw bytes: the client must cost less than the servers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for message in remaining:
        started = time.perf_counter()
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        times.append(time.perf_counter() - started)
        if wanted not in answer:
            failed.append(answer)
    writer.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise SystemExit(f"the server on port {port} ended with code {process.returncode}")
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")
