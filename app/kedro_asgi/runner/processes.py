"""Worker processes that outlive a run: a session keeps them warm for the next one."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize

from kedro_asgi.runner.worker_process import Context, Worker, end_all

# Before the interpreter waits for all child processes.
_BEFORE_JOINING = 100


class Processes:
    """Started on first need and kept until `close`; any number of runs and threads may share them.

    There are at most as many as CPUs, or as the largest run wants. ``prepare`` is called once in each new one. Where
    one dies, no other is touched, and another one takes its place when it is wanted. The start method is spawn
    (Q-41), unless ``KEDRO_MP_CONTEXT`` names another (RUN-42). No process outlives this object or its interpreter.
    """

    def __init__(self, prepare: Callable[[], None] | None = None) -> None:
        self._prepare = prepare
        self._changed = threading.Condition()
        self._workers: set[Worker] = set()
        self._free: list[Worker] = []
        self._limit = os.cpu_count() or 1
        Finalize(self, end_all, args=(self._workers,), exitpriority=_BEFORE_JOINING)

    def __len__(self) -> int:
        return len(self._workers)

    @contextmanager
    def worker(self, *, wanted: int) -> Iterator[Worker]:
        """Lend a process to this thread; ``wanted`` is how many its run wants at a time."""
        worker = self._taken(wanted)
        try:
            yield worker
        finally:
            self._give_back(worker)

    def close(self) -> None:
        """End the processes: those that are free now, others when they are; a later call starts new ones."""
        with self._changed:
            free, self._free = self._free, []
            self._workers.clear()
            self._changed.notify_all()
        end_all(free)

    def _taken(self, wanted: int) -> Worker:
        with self._changed:
            self._limit = max(self._limit, wanted)
            while True:
                while self._free:
                    worker = self._free.pop()
                    if worker.is_free:
                        return worker
                    self._workers.discard(worker)
                if len(self._workers) < self._limit:
                    return self._started()
                self._changed.wait()

    def _started(self) -> Worker:
        worker = Worker(_context(), self._prepare)
        self._workers.add(worker)
        return worker

    def _give_back(self, worker: Worker) -> None:
        with self._changed:
            if is_kept := worker in self._workers and worker.is_free:
                self._free.append(worker)
            else:
                self._workers.discard(worker)
            self._changed.notify()
        if not is_kept:
            end_all([worker])


def _context() -> Context:
    match os.environ.get("KEDRO_MP_CONTEXT"):
        case "fork":
            return multiprocessing.get_context("fork")
        case "forkserver":
            return multiprocessing.get_context("forkserver")
        case _:
            return multiprocessing.get_context("spawn")
