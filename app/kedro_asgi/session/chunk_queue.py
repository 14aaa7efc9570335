"""Chunks on their way from the threads of a run to a reader on an event loop."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from anyio.lowlevel import current_token

from kedro_asgi.runner.chunk_stream import Chunk, ChunkStream
from kedro_asgi.runner.chunk_window import MAX_CHUNKS, ChunkWindow
from kedro_asgi.session.event_loop import LoopEvent, call_soon, event_class

# How long a thread lets the event loop go first: without that, a node that computes would keep the GIL for 5 ms.
_WAKEUP_SECONDS = 0.002


class ChunkQueue(ChunkStream):
    """Holds at most ``max_chunks`` chunks for one reader, a task of the event loop on which the queue is made.

    A thread that gives a chunk waits while the queue is full, so a slow reader slows the generator. If the queue is
    empty, the thread also waits a moment until the reader is done with the chunk.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        *,
        convert: Callable[[str, Any], Any] | None = None,
        max_chunks: int = MAX_CHUNKS,
    ) -> None:
        super().__init__(names, convert=convert)
        self._loop = current_token()
        self._make_event = event_class(self._loop)
        self._window = ChunkWindow(max_chunks)
        self._given: deque[tuple[Chunk, Callable[[], None]]] = deque()
        self._taken: list[Callable[[], None]] = []
        self._arrived: LoopEvent | None = None
        self._is_loop_called = False
        self._has_ended = False
        self._is_closed = False

    # --- any thread ---

    def want(self, names: Iterable[str]) -> None:
        """Take the chunks of these outputs and of no others; for the thread of the run, before it begins."""
        self.names = frozenset(names)

    @property
    def is_read(self) -> bool:
        return not self._is_closed

    def give_soon(self, chunk: Chunk, taken: Callable[[], None]) -> None:
        self.has_chunks = True
        self._add(chunk, taken)

    def _give(self, chunk: Chunk) -> None:
        self._window.enter()
        wakeup = threading.Lock()
        wakeup.acquire()
        is_first = not self._given
        self._add(chunk, partial(self._leave, wakeup))
        if is_first:
            wakeup.acquire(timeout=_WAKEUP_SECONDS)

    def _leave(self, wakeup: threading.Lock) -> None:
        self._window.leave()
        wakeup.release()

    def _add(self, chunk: Chunk, taken: Callable[[], None]) -> None:
        if self._is_closed:
            taken()
            return
        self._given.append((chunk, taken))
        if not self._is_loop_called:
            self._is_loop_called = True
            call_soon(self._loop, self._wake)

    def release(self) -> None:
        self._window.release()

    # --- event loop ---

    async def take(self) -> list[Chunk]:
        """Wait for chunks and return all that are there; an empty list after the last one.

        A call says that the reader is done with the chunks of the call before.
        """
        self._acknowledge()
        while not (self._given or self._has_ended):
            self._arrived = self._make_event()
            try:
                await self._arrived.wait()
            finally:
                self._arrived = None
        chunks: list[Chunk] = []
        while self._given:
            chunk, taken = self._given.popleft()
            chunks.append(chunk)
            self._taken.append(taken)
        return chunks

    def end(self) -> None:
        """The run has ended, so no more chunks come."""
        self._has_ended = True
        self._wake()

    def close(self) -> None:
        """The reader has gone: drop all chunks, also those to come, and let no thread wait."""
        self._is_closed = True
        self._window.release()
        self._taken += [taken for _, taken in self._given]
        self._given.clear()
        self._acknowledge()

    def _acknowledge(self) -> None:
        for taken in self._taken:
            taken()
        self._taken.clear()

    def _wake(self) -> None:
        # Before the look: a chunk that comes after it calls again.
        self._is_loop_called = False
        if self._arrived is not None:
            self._arrived.set()
