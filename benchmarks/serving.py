"""Real uvicorns on loopback for the benchmarks, and raw clients that cost less than what they measure."""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FACTORY = "kedro_asgi.server:create_http_server"


@contextmanager
def server(project: Path, *, environ: Mapping[str, str] | None = None) -> Iterator[tuple[int, int]]:
    """Serve a project; gives the port and the process id."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", FACTORY, "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    told = {**os.environ, "KEDRO_PROJECT_PATH": str(project), **(environ or {})}
    process = subprocess.Popen(command, env=told)
    try:
        _wait_for(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise SystemExit(f"the server on port {port} ended with code {process.returncode}")
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    """Return a request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def load(port: int, message: bytes, *, requests: int, concurrency: int, wanted: bytes) -> dict[str, float]:
    """Send a request so many times over keep-alive connections; ends the benchmark if an answer is not as wanted."""
    times: list[float] = []
    remaining = iter(range(requests))
    started = time.perf_counter()
    await asyncio.gather(*(_connection(port, message, wanted, times, remaining) for _ in range(concurrency)))
    seconds = time.perf_counter() - started
    ranked = sorted(times)
    return {
        "requests_per_s": len(times) / seconds,
        "p50_ms": statistics.median(ranked) * 1000,
        "p99_ms": ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))] * 1000,
    }


async def _connection(port: int, message: bytes, wanted: bytes, times: list[float], remaining: Iterator[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in remaining:
        started = time.perf_counter()
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        times.append(time.perf_counter() - started)
        if wanted not in answer:
            raise SystemExit(f"unexpected: {answer.decode()}")
    writer.close()


async def stream(port: int, path: str) -> AsyncIterator[bytes]:
    """Yield the chunks of a stream of events."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(request("GET", path))
    await reader.readuntil(b"\r\n\r\n")
    try:
        while chunk := await reader.read(2**16):
            yield chunk
    finally:
        writer.close()
