"""Ends runs that do not stop, and runs that hold too much memory."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue

from kedro_asgi.dispatch.executors.process_pool import ProcessPool
from kedro_asgi.dispatch.executors.run_process import RunProcess
from kedro_asgi.errors import RunStoppedError
from kedro_asgi.runs import RunId

# A run that was asked to stop gets SIGTERM after the first time and SIGKILL after the second: within one second in all.
_TERMINATE_SECONDS = 0.3
_KILL_SECONDS = 0.6


class ProcessWatch:
    """One thread that does what the event loop must not wait for; it starts with the first request."""

    def __init__(self, pool: ProcessPool) -> None:
        self._pool = pool
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        threading.Thread(target=self._watch, name="kedro-asgi-process-watch", daemon=True).start()

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        """Ask a run to stop; end its process if it does not."""
        self._work.put(partial(self._stop, run_id, reason))

    def close(self) -> None:
        """End the thread."""
        self._work.put(None)

    # --- in the thread ---

    def _watch(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=self._pause_seconds())
            except Empty:
                _, _, work = heapq.heappop(self._timers)
            if work is None:
                return
            work()

    def _pause_seconds(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _after(self, seconds: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), work))

    def _stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        process = self._pool.executing(run_id)
        if process is not None:
            process.request_stop(reason)
            self._after(_TERMINATE_SECONDS, partial(self._terminate, process, run_id))
            self._after(_KILL_SECONDS, partial(self._kill, process, run_id))

    def _terminate(self, process: RunProcess, run_id: RunId) -> None:
        if process.executes(run_id):
            # Now, so that the next process is open when this one has ended.
            self._pool.replace(process)
            process.terminate()

    def _kill(self, process: RunProcess, run_id: RunId) -> None:
        if process.executes(run_id):
            process.kill()
