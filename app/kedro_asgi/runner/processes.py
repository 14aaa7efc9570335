"""Worker processes that outlive a run: a session keeps them warm for the next one."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from kedro_asgi.errors import WorkerDiedError
from kedro_asgi.pipeline import Node
from kedro_asgi.runner.crossing import call_packed

_METHODS = ("fork", "spawn", "forkserver")
MAX_WORKERS_ON_WINDOWS = 61


class Processes:
    """Spawned on first need and kept until `close`; any number of runs and threads may share them.

    There are as many as CPUs, or as the largest run wants. ``prepare`` is called once in each new one. Where one dies,
    the calls that were in work end with `WorkerDiedError`, and the next call starts new ones. The start method is
    spawn (Q-41), unless ``KEDRO_MP_CONTEXT`` names another (RUN-42).
    """

    def __init__(self, prepare: Callable[[], None] | None = None) -> None:
        self._prepare = prepare
        self._lock = threading.Lock()
        self._executor: ProcessPoolExecutor | None = None
        self._size = 0

    def call(self, node: Node, payload: bytes, *, workers: int) -> bytes:
        """Make a packed call in one of at least ``workers`` processes and return its packed answer."""
        with self._lock:
            # Not one after the other: a larger run may replace the executor between the two.
            executor = self._ready(workers)
            call = executor.submit(call_packed, payload)
        try:
            return call.result()
        except BrokenProcessPool as error:
            self._drop(executor)
            raise WorkerDiedError(node.name) from error

    def _ready(self, workers: int) -> ProcessPoolExecutor:
        """Return what runs calls, with room for ``workers`` at a time; what is outgrown ends when it is done."""
        if self._executor is None or self._size < workers:
            outgrown, self._size = self._executor, _size(workers)
            self._executor = ProcessPoolExecutor(self._size, mp_context=_context(), initializer=self._prepare)
            if outgrown is not None:
                outgrown.shutdown(wait=False)
        return self._executor

    def close(self) -> None:
        """End the processes once what they do is done; a later call starts new ones."""
        with self._lock:
            executor, self._executor, self._size = self._executor, None, 0
        if executor is not None:
            executor.shutdown()

    def _drop(self, executor: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._executor is executor:
                self._executor, self._size = None, 0
        executor.shutdown(wait=False)


def _size(workers: int) -> int:
    size = max(workers, os.cpu_count() or 1)
    return min(size, MAX_WORKERS_ON_WINDOWS) if os.name == "nt" else size


def _context() -> multiprocessing.context.BaseContext:
    method = os.environ.get("KEDRO_MP_CONTEXT", "spawn")
    return multiprocessing.get_context(method if method in _METHODS else "spawn")
