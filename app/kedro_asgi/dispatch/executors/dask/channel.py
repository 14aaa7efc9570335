"""The connection between a server and a Dask worker: messages in order, in both directions."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec
from distributed.protocol.serialize import to_serialize

from kedro_asgi.dispatch.executors.dask.messages import Message, Ping, Received
from kedro_asgi.dispatch.executors.message_pickle import Buffer
from kedro_asgi.dispatch.safe_logging import SafeLogger

MessageT = TypeVar("MessageT", bound=Message)

_log = SafeLogger(__name__)
_serialized: Any = to_serialize
_ENCODER = msgspec.msgpack.Encoder()
# How much of a worker's messages may be on its way: runs that produce more wait.
_WINDOW_BYTES = 8 * 2**20
_ACKNOWLEDGED_BYTES = _WINDOW_BYTES // 8
# Larger parts go in pieces, each of which is a sign of life.
_PIECE_BYTES = 2**20
_LOOK_SECONDS = 1.0
# How long events wait for others: each write takes either end longer than a short node.
_LINGER_SECONDS = 0.005


class Channel(Generic[MessageT]):
    """Sends and receives messages over a connection of Dask, which is encrypted as the cluster is.

    Dask's own writes return before anything is sent, so `put` with ``waits`` has a window, which the other end opens as
    it receives. An end that hears nothing for ``silence_seconds`` closes the connection: a paused or
    lost process must not keep runs. Made on the event loop of the connection.
    """

    def __init__(
        self,
        comm: Any,
        decoder: msgspec.msgpack.Decoder[MessageT],
        *,
        silence_seconds: float,
        ping_seconds: float,
    ) -> None:
        self._comm = comm
        self._decoder = decoder
        self._silence_seconds = silence_seconds
        self._ping_seconds = ping_seconds
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        # Held for the outbox and the window, which threads of runs and the event loop share.
        self._room = threading.Condition()
        self._outbox: list[tuple[bytes, Sequence[Buffer]]] = []
        self._is_lingering = False
        self._window_bytes = _WINDOW_BYTES
        self._heard_at = time.monotonic()
        self.is_closed = False
        """Whether nothing more is sent or received."""

    @property
    def peer(self) -> str:
        """The address of the other end."""
        address: str = self._comm.peer_address
        return address

    @property
    def is_silent(self) -> bool:
        """Whether the other end has not been heard for too long; also known in a process that was paused itself."""
        return time.monotonic() - self._heard_at >= self._silence_seconds

    def put(self, message: Message, parts: Sequence[Buffer] = (), *, waits: bool = False) -> None:
        """Send a message, any thread; does nothing once the connection is closed.

        With ``waits``, this thread waits while too much is on its way; it is not that of the event loop. Such a message
        waits a moment for others, which go with it.
        """
        if parts:
            message = msgspec.structs.replace(message, parts=len(parts))
        data = _ENCODER.encode(message)
        with self._room:
            while waits and self._window_bytes <= 0 and not self.is_closed:
                self._room.wait()
            if self.is_closed:
                return
            self._window_bytes -= len(data) + size_of(parts)
            is_first, is_late = not self._outbox, self._is_lingering and not waits
            self._outbox.append((data, parts))
            self._is_lingering = waits and (is_first or self._is_lingering)
        if is_first or is_late:
            # The event loop may have ended.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._linger if waits else self._wake.set)

    async def serve(self, handle: Callable[[MessageT, list[Buffer]], None]) -> None:
        """Send, and call ``handle`` with each message and its parts, until the connection is closed; raises nothing."""
        tasks = [asyncio.create_task(work) for work in (self._send(), self._receive(handle), self._watch())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.close()
            for task in tasks:
                task.cancel()
            for error in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(error, Exception) and not isinstance(error, OSError):
                    _log.error("The connection to %s has failed", self.peer, exc_info=error)

    def close(self) -> None:
        """Close the connection, and let waiting threads go on; on its event loop."""
        with self._room:
            self.is_closed = True
            self._outbox.clear()
            self._room.notify_all()
        self._comm.abort()

    def _linger(self) -> None:
        self._loop.call_later(_LINGER_SECONDS, self._wake.set)

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            with self._room:
                batch, self._outbox, self._is_lingering = self._outbox, [], False
            for items in _bundles(batch):
                await self._comm.write(items, on_error="raise")

    async def _receive(self, handle: Callable[[MessageT, list[Buffer]], None]) -> None:
        items = self._items()
        async for item in items:
            message = self._decoder.decode(item)
            parts = [await _joined(items) for _ in range(message.parts)]
            if isinstance(message, Received):
                self._open_window(message.size_bytes)
            else:
                handle(message, parts)

    async def _items(self) -> AsyncIterator[Any]:
        received_bytes = 0
        while True:
            batch = await self._comm.read()
            self._heard_at = time.monotonic()
            for item in batch:
                received_bytes += memoryview(item).nbytes if isinstance(item, Buffer) else 0
                yield item
            if received_bytes >= _ACKNOWLEDGED_BYTES:
                self.put(Received(size_bytes=received_bytes))
                received_bytes = 0

    def _open_window(self, size_bytes: int) -> None:
        with self._room:
            self._window_bytes += size_bytes
            self._room.notify_all()

    async def _watch(self) -> None:
        """Tell the other end that this one is alive, and return when the other one is not."""
        pinged_at = 0.0
        while not self.is_silent:
            if time.monotonic() - pinged_at >= self._ping_seconds:
                pinged_at = time.monotonic()
                self.put(Ping())
            await asyncio.sleep(min(_LOOK_SECONDS, self._ping_seconds))


def _bundles(batch: Sequence[tuple[bytes, Sequence[Buffer]]]) -> Iterator[list[object]]:
    """Yield what is written at once: messages, each with the parts that follow it, as pieces and how many they are."""
    items: list[object] = []
    size_bytes = 0
    for data, parts in batch:
        items.append(data)
        size_bytes += len(data)
        for part in parts:
            pieces = _pieces(part)
            items.append(len(pieces))
            for piece in pieces:
                items.append(_serialized(piece))
                size_bytes += piece.nbytes
                if size_bytes >= _PIECE_BYTES:
                    yield items
                    items, size_bytes = [], 0
    if items:
        yield items


def _pieces(part: Buffer) -> list[memoryview]:
    view = memoryview(part).cast("B")
    return [view[start : start + _PIECE_BYTES] for start in range(0, max(len(view), 1), _PIECE_BYTES)]


async def _joined(items: AsyncIterator[Any]) -> Buffer:
    """Return the next part, which comes as the number of its pieces and these."""
    pieces = [await anext(items) for _ in range(await anext(items))]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def size_of(parts: Iterable[Buffer]) -> int:
    """Return how many bytes buffers take together."""
    return sum(memoryview(part).nbytes for part in parts)
