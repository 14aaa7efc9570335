"""A load that comes at random times, whether or not earlier requests have answers; and a load of several servers."""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import cast

import msgspec
from load import Load, Sent, run_async, send_all


class OpenLoad(msgspec.Struct, frozen=True, kw_only=True):
    """So many requests a second at random times; ``wanted`` is part of each right answer."""

    request: bytes
    per_second: float
    seconds: float
    wanted: bytes = b'"success"'
    seed: int = 1


def send_open(ports: Sequence[int], load: OpenLoad) -> Sent:
    """Send a load to servers in turn; times count from when a request was due."""
    return _checked(run_async(_send_open(ports, load)))


def send_to_all(ports: Sequence[int], load: Load) -> Sent:
    """Send a load to each of several servers at the same time; raises `SystemExit` for wrong answers."""

    async def gather() -> list[Sent]:
        return list(await asyncio.gather(*(send_all(port, load) for port in ports)))

    cpu_started = time.process_time()
    found = run_async(gather())
    return _checked(
        Sent(
            times=[seconds for sent in found for seconds in sent.times],
            seconds=max(sent.seconds for sent in found),
            cpu_seconds=time.process_time() - cpu_started,
            failed=[answer for sent in found for answer in sent.failed],
        )
    )


def _checked(sent: Sent) -> Sent:
    if sent.failed:
        raise SystemExit(f"{len(sent.failed)} answers are not as wanted: {sent.failed[0][:2000].decode()}")
    return sent


async def _send_open(ports: Sequence[int], load: OpenLoad) -> Sent:
    senders = [_Sender(port, load) for port in ports]
    for sender in senders:
        await sender.connect(16)
    draw = random.Random(load.seed)
    started, cpu_started, due = time.perf_counter(), time.process_time(), 0.0
    number = 0
    while (due := due + draw.expovariate(load.per_second)) < load.seconds:
        if (pause := started + due - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        await senders[number % len(senders)].send(started + due)
        number += 1
    for sender in senders:
        await sender.close()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    times = [seconds for sender in senders for seconds in sender.times]
    failed = [answer for sender in senders for answer in sender.failed]
    return Sent(times=times, seconds=seconds, cpu_seconds=cpu_seconds, failed=failed)


class _Sender:
    """The connections to one server; a request takes one that is idle, or a new one."""

    def __init__(self, port: int, load: OpenLoad) -> None:
        self._port = port
        self._load = load
        self._idle: list[_Connection] = []
        self._open = 0
        self._all_answered = asyncio.Event()
        self.times: list[float] = []
        self.failed: list[bytes] = []

    async def connect(self, connections: int) -> None:
        self._idle += [await self._new_connection() for _ in range(connections)]

    async def send(self, due: float) -> None:
        connection = self._idle.pop() if self._idle else await self._new_connection()
        self._open += 1
        connection.send(self._load.request, due)

    def answered(self, connection: "_Connection", due: float, answer: bytes) -> None:
        self.times.append(time.perf_counter() - due)
        if self._load.wanted not in answer:
            self.failed.append(answer)
        self._idle.append(connection)
        self._open -= 1
        self._all_answered.set()

    async def close(self) -> None:
        """Wait for all answers, and close the connections."""
        while self._open:
            self._all_answered.clear()
            await self._all_answered.wait()
        for connection in self._idle:
            connection.close()

    async def _new_connection(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        return connection


class _Connection(asyncio.Protocol):
    """Sends one request at a time, and tells its sender of the whole answer."""

    def __init__(self, sender: _Sender) -> None:
        self._sender = sender
        self._answer = bytearray()
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, separator, body = bytes(self._answer).partition(b"\r\n\r\n")
        if not separator:
            return
        _, found, rest = head.lower().partition(b"\r\ncontent-length:")
        if len(body) >= (int(rest.partition(b"\r\n")[0]) if found else 0):
            answer, self._answer = bytes(self._answer), bytearray()
            self._sender.answered(self, self._due, answer)
