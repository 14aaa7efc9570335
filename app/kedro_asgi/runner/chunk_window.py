"""The number of chunks that may be on their way to a reader."""

from contextlib import nullcontext
from queue import Empty, SimpleQueue

from kedro_asgi.runner.stopping import STOP_SIGNAL

MAX_CHUNKS = 16


class ChunkWindow:
    """Lets ``size`` chunks be on their way: threads of a run enter with one each, and wait while the window is full.

    Any thread may call `leave` and `release`, also that of an event loop: neither waits.
    """

    def __init__(self, size: int = MAX_CHUNKS) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        self._is_released = False
        for _ in range(size):
            self._free.put(None)

    def enter(self) -> None:
        """Wait until the window has room for a chunk; raises the reason if the run of this context is to stop."""
        stop = STOP_SIGNAL.get()
        try:
            self._free.get_nowait()
        except Empty:
            with nullcontext() if stop is None else stop.on_stop(self.release):
                self._free.get()
        if self._is_released:
            # For the next thread that waits.
            self._free.put(None)
        if stop is not None and stop.reason is not None:
            raise stop.reason

    def leave(self) -> None:
        """A chunk has arrived."""
        self._free.put(None)

    def release(self) -> None:
        """Let no thread wait any more."""
        self._is_released = True
        self._free.put(None)
