"""Worker processes that outlive a run: a session keeps them for the next one."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from typing import Protocol, TypeVar

from kedro_asgi.runner.process_ends import BEFORE_JOIN
from kedro_asgi.runner.worker_process import Context, WorkerProcess, shut_down


class Resource(Protocol):
    """A thing that the runs of a session share, beside the processes of the pool."""

    @property
    def is_open(self) -> bool:
        """Whether a run that begins can use it."""
        ...

    def close(self) -> None:
        """End it."""
        ...


ResourceT = TypeVar("ResourceT", bound=Resource)


class WorkerPool:
    """Starts worker processes when they are needed and keeps them until `close`; runs and threads may share a pool.

    There are at most as many as CPUs, or as the largest run wants, besides those that wait for this process. Each new
    process calls ``prepare`` once. A process that dies affects no other, and a new one replaces it when it is needed.
    The start method is spawn (Q-41), unless ``KEDRO_MP_CONTEXT`` names another. No process outlives the pool or the
    interpreter. ``dask_scheduler`` is the scheduler that the project names, for runs on a cluster.
    """

    def __init__(self, prepare: Callable[[], None] | None = None, *, dask_scheduler: str | None = None) -> None:
        self._prepare = prepare
        self.dask_scheduler = dask_scheduler
        self._condition = threading.Condition()
        self._workers: set[WorkerProcess] = set()
        self._free: list[WorkerProcess] = []
        self._waiting: set[WorkerProcess] = set()
        self._limit = os.cpu_count() or 1
        self._resources: dict[Hashable, Resource] = {}
        self._resources_lock = threading.Lock()
        Finalize(self, shut_down, args=(self._workers,), exitpriority=BEFORE_JOIN)

    def __len__(self) -> int:
        return len(self._workers)

    @contextmanager
    def lease(self, *, wanted: int) -> Iterator[WorkerProcess]:
        """Lease a process to this thread; ``wanted`` is how many its run uses at a time."""
        worker = self._acquire(wanted)
        try:
            yield worker
        finally:
            self._release(worker)

    def note_waiting(self, worker: WorkerProcess) -> None:
        """Note that a leased process waits for this process: it keeps outputs, or the next chunk of a generator.

        It does not count any more, since a hook that is called now may run a pipeline, whose nodes need processes too.
        """
        with self._condition:
            self._waiting.add(worker)
            self._condition.notify()

    @property
    def prepare(self) -> Callable[[], None] | None:
        """The callable that prepares a new process for nodes."""
        return self._prepare

    def resource(self, key: Hashable, kind: type[ResourceT], make: Callable[[], ResourceT]) -> ResourceT:
        """Return the resource of ``kind`` at ``key``, which the first caller makes, and which ends with this pool.

        Another one takes the place of one that is not open any more.
        """
        with self._resources_lock:
            found = self._resources.get((kind, key))
            if isinstance(found, kind) and found.is_open:
                return found
            if found is not None:
                found.close()
            made = self._resources[kind, key] = make()
            return made

    def close(self) -> None:
        """Shut down the processes: free ones now, others when they become free; a later call starts new ones.

        Resources of runs end now.
        """
        with self._resources_lock:
            resources, self._resources = list(self._resources.values()), {}
        for resource in resources:
            resource.close()
        with self._condition:
            free, self._free = self._free, []
            self._workers.clear()
            self._condition.notify_all()
        shut_down(free)

    def _acquire(self, wanted: int) -> WorkerProcess:
        with self._condition:
            self._limit = max(self._limit, wanted)
            while True:
                while self._free:
                    worker = self._free.pop()
                    if worker.is_free:
                        return worker
                    self._workers.discard(worker)
                if len(self._workers - self._waiting) < self._limit:
                    return self._start()
                self._condition.wait()

    def _start(self) -> WorkerProcess:
        worker = WorkerProcess(_context(), self._prepare)
        self._workers.add(worker)
        return worker

    def _release(self, worker: WorkerProcess) -> None:
        with self._condition:
            self._waiting.discard(worker)
            if is_kept := worker in self._workers and worker.is_free:
                self._free.append(worker)
            else:
                self._workers.discard(worker)
            self._condition.notify()
        if not is_kept:
            shut_down([worker])


def _context() -> Context:
    match os.environ.get("KEDRO_MP_CONTEXT"):
        case "fork":
            return multiprocessing.get_context("fork")
        case "forkserver":
            return multiprocessing.get_context("forkserver")
        case _:
            return multiprocessing.get_context("spawn")
