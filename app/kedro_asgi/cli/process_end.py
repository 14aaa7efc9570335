"""The end of a process that no thread, no client and no full pipe can prevent."""

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue

# How long the last lines of the log may take.
_FLUSH_SECONDS = 1.0


class ProcessEnd:
    """Ends this process with exit code 0, now or at a time.

    A thread of its own waits for that time. It exists from the start, since a signal handler that starts a thread
    could wait for a lock that the interrupted code holds; a `SimpleQueue` may be used anywhere.
    """

    def __init__(self) -> None:
        self._times: SimpleQueue[float] = SimpleQueue()
        threading.Thread(target=self._wait, name="kedro-asgi-end", daemon=True).start()

    def within(self, seconds: float) -> None:
        """End the process after some seconds, or earlier if an earlier call says so. Any thread may call this."""
        self._times.put(time.monotonic() + seconds)

    def now(self, number: int = 0, frame: object = None) -> None:
        """End the process; the arguments are those of a signal handler.

        ``sys.exit`` would wait for the thread of a node or an import that does not end, so ``os._exit`` does not.
        """
        self.within(_FLUSH_SECONDS)
        logging.shutdown()
        with suppress(AttributeError, OSError, ValueError, RuntimeError):
            # A node may have closed or replaced standard output, and the signal may have come while it is written.
            sys.stdout.flush()
        os._exit(0)

    def _wait(self) -> None:
        ends_at = self._times.get()
        while True:
            try:
                ends_at = min(ends_at, self._times.get(timeout=max(0.0, ends_at - time.monotonic())))
            except Empty:
                # Nothing is logged: the stream of the log may be what blocks.
                os._exit(0)
