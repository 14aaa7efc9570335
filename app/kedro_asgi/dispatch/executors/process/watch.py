"""Ends runs that do not stop, and runs that hold too much memory."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue

from kedro_asgi.dispatch.executors.process.memory import private_bytes
from kedro_asgi.dispatch.executors.process.pool import ProcessPool
from kedro_asgi.dispatch.executors.process.run import ProcessRun
from kedro_asgi.dispatch.executors.process.run_process import RunProcess
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.errors import RunMemoryError, RunStoppedError
from kedro_asgi.runs import RunId

_log = SafeLogger(__name__)

# A run that was asked to stop gets SIGTERM after the first time and SIGKILL after the second: within one second in all.
_TERMINATE_SECONDS = 0.3
_TERMINATE_AGAIN_SECONDS = 0.1
KILL_SECONDS = 0.6
# The parent measures: RLIMIT_AS would count addresses that are reserved and files that are mapped, and neither it nor
# RLIMIT_DATA the processes that a run starts. A run may hold what it takes in this time above its limit.
_MEASURE_SECONDS = 0.05


class ProcessWatch:
    """One thread that asks, interrupts, measures and kills: the event loop must wait for none of it."""

    def __init__(
        self, pool: ProcessPool, *, max_run_memory_bytes: int | None = None, kill_seconds: float = KILL_SECONDS
    ) -> None:
        self._pool = pool
        self._kill_seconds = kill_seconds
        self._max_run_memory_bytes = max_run_memory_bytes
        self._is_measuring = False
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        threading.Thread(target=self._watch, name="kedro-asgi-process-watch", daemon=True).start()

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        """Ask a run to stop; end its process if it does not."""
        self._work.put(partial(self._stop, run_id, reason))

    def run_given(self) -> None:
        """Measure the memory of runs from now on, until there is none."""
        if self._max_run_memory_bytes is not None:
            self._work.put(partial(self._measure, self._max_run_memory_bytes, is_first=True))

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
            try:
                work()
            except Exception:
                # Without this thread, no other run could be stopped.
                _log.exception("A run in a process could not be watched.")

    def _pause_seconds(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _after(self, seconds: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), work))

    def _stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        found = self._pool.executing(run_id)
        if found is not None:
            process, run = found
            run.note_stop(reason)
            process.request_stop(run_id, reason)
            self._after(_TERMINATE_SECONDS, partial(self._terminate, process, run))
            self._after(self._kill_seconds, partial(self._kill, process, run))

    # The process is replaced first, so that it has no other run when it is interrupted or killed, and so that the next
    # process is open when this one has ended.

    def _terminate(self, process: RunProcess, run: ProcessRun) -> None:
        if self._pool.replace(process, run):
            process.terminate()
            # The process ignores a signal that comes before another of its threads has got the request to stop.
            self._after(_TERMINATE_AGAIN_SECONDS, partial(self._terminate, process, run))

    def _kill(self, process: RunProcess, run: ProcessRun) -> None:
        if self._pool.replace(process, run):
            process.kill()
            run.release_chunks()

    def _measure(self, limit_bytes: int, *, is_first: bool = False) -> None:
        if is_first and self._is_measuring:
            return
        executed = self._pool.executed()
        self._is_measuring = bool(executed)
        for process, run in executed:
            pid = process.pid
            if pid is not None and (used_bytes := private_bytes(pid)) > limit_bytes:
                self._kill_for_memory(process, run, limit_bytes=limit_bytes, used_bytes=used_bytes)
        if executed:
            self._after(_MEASURE_SECONDS, partial(self._measure, limit_bytes))

    def _kill_for_memory(self, process: RunProcess, run: ProcessRun, *, limit_bytes: int, used_bytes: int) -> None:
        if self._pool.replace(process, run):
            run.note_kill(lambda node: RunMemoryError(limit_bytes=limit_bytes, used_bytes=used_bytes, node=node))
            process.kill()
