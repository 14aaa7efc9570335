"""The threads that runs run in."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]


class Threads:
    """Does jobs in as many threads as there are jobs at a time; who calls limits these.

    `start` and `finished` belong to one event loop. The threads are daemons: one whose job never ends keeps nothing
    else from ending.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads = 0
        self._busy = 0

    def start(self, job: Job) -> None:
        """Do ``job`` now; it must raise nothing, and have `finished` called at its end.

        Raises ``RuntimeError`` where the system has no thread left; `finished` is called then, too.
        """
        self._busy += 1
        if self._busy > self._threads:
            threading.Thread(target=self._work, name=f"kedro-asgi-run-{self._threads + 1}", daemon=True).start()
            self._threads += 1
        self._jobs.put(job)

    def finished(self) -> None:
        """Say that a job has ended, so that its thread is free."""
        self._busy -= 1

    def close(self) -> None:
        """End the threads, each when its job has ended."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job
