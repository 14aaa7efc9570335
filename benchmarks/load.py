"""The load: keep-alive connections that send requests as raw bytes, and measure each answer.

A connection is a protocol of uvloop that sends its next request when an answer is whole. So a request costs this
process a small part of what it costs any server here, and the load stays within one of two cores.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from itertools import cycle, islice
from typing import Any, TypeVar, cast

import msgspec
import uvloop

T = TypeVar("T")

_LAST_CHUNK = b"\r\n0\r\n\r\n"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """So many ``callers`` send ``requests`` in turn: ``times`` of them in all, or for ``seconds``."""

    requests: Sequence[bytes]
    callers: int
    times: int | None = None
    seconds: float | None = None
    wanted: bytes = b'"success"'
    pause_seconds: float = 0.0


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """How long each answer took, and all of them; ``failed`` are the answers that were not as wanted."""

    times: list[float]
    seconds: float
    cpu_seconds: float
    failed: list[bytes]

    def numbers(self) -> dict[str, float]:
        """Return throughput of the wanted answers, latencies, and what the load itself took."""
        ranked = sorted(self.times)
        return {
            "per_second": (len(ranked) - len(self.failed)) / self.seconds,
            "p50_ms": _quantile(ranked, 0.5),
            "p99_ms": _quantile(ranked, 0.99),
            "p999_ms": _quantile(ranked, 0.999),
            "load_cpu_us": self.cpu_seconds / len(ranked) * 1e6,
        }


def request(method: str, path: str, body: Any = None, **headers: str) -> bytes:
    """Return a request of HTTP as bytes; ``body`` is sent as JSON."""
    lines, content = [f"{method} {path} HTTP/1.1", "Host: bench"], b""
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        content = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def run_request(body: Any) -> bytes:
    """Return a request for a run."""
    return request("POST", "/run", body)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on the event loop that the load needs."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def send(port: int, load: Load) -> Sent:
    """Send a load where no event loop runs; an answer that is not as wanted ends the benchmark."""
    return _checked(run_async(send_all(port, load)))


def send_with_failures(port: int, load: Load) -> Sent:
    """Do what `send` does, but return the answers that are not as wanted."""
    return run_async(send_all(port, load))


async def send_checked(port: int, load: Load) -> Sent:
    """Do what `send` does, on the running event loop."""
    return _checked(await send_all(port, load))


async def send_all(port: int, load: Load) -> Sent:
    """Send a load and return what came."""
    until = time.perf_counter() + load.seconds if load.seconds is not None else float("inf")
    requests = islice(cycle(load.requests), load.times)
    times: list[float] = []
    failed: list[bytes] = []
    loop = asyncio.get_running_loop()

    def connect() -> _Connection:
        return _Connection(requests, load, until=until, times=times, failed=failed)

    # All connections stand before the first request.
    pairs = [await loop.create_connection(connect, "127.0.0.1", port) for _ in range(load.callers)]
    started, cpu_started = time.perf_counter(), time.process_time()
    for _, connection in pairs:
        connection.send_next()
    await asyncio.gather(*(connection.closed for _, connection in pairs))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return Sent(times=times, seconds=seconds, cpu_seconds=cpu_seconds, failed=failed)


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


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its whole answer, and goes on while there are requests and time."""

    def __init__(
        self, requests: Iterator[bytes], load: Load, *, until: float, times: list[float], failed: list[bytes]
    ) -> None:
        self._requests = requests
        self._load = load
        self._until = until
        self._times = times
        self._failed = failed
        self._answer = bytearray()
        self._whole = 0
        self._sent_at = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send_next(self) -> None:
        message = next(self._requests, None) if time.perf_counter() < self._until else None
        if message is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(message)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._whole:
            head, separator, _ = self._answer.partition(b"\r\n\r\n")
            if not separator:
                return
            if b"transfer-encoding: chunked" in head.lower():
                if self._answer.endswith(_LAST_CHUNK):
                    self._note()
                return
            self._whole = len(head) + 4 + _content_length(bytes(head))
        if len(self._answer) >= self._whole:
            self._note()

    def connection_lost(self, error: Exception | None) -> None:
        if self.closed.done():
            return
        if self._sent_at:
            error = error or ConnectionError("the server closed the connection before its answer")
            self.closed.set_exception(error)
        else:
            self.closed.set_result(None)

    def _note(self) -> None:
        self._times.append(time.perf_counter() - self._sent_at)
        if self._load.wanted not in self._answer:
            self._failed.append(bytes(self._answer))
        self._answer, self._whole, self._sent_at = bytearray(), 0, 0.0
        if self._load.pause_seconds:
            asyncio.get_running_loop().call_later(self._load.pause_seconds, self.send_next)
        else:
            self.send_next()


def _content_length(head: bytes) -> int:
    """Return the length of a body; answers without a body, such as 304, may not tell it."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found and not head.startswith(b"HTTP/1.1 304") else 0


def _checked(sent: Sent) -> Sent:
    if sent.failed:
        raise SystemExit(f"{len(sent.failed)} answers are not as wanted: {sent.failed[0][:2000].decode()}")
    return sent


def _quantile(ranked: list[float], share: float) -> float:
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] * 1000
