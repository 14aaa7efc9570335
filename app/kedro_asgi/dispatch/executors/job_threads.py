"""Threads that do short jobs one after another, and jobs that wait side by side."""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress

import msgspec

from kedro_asgi.bounded_cache import BoundedCache

# How long the watcher waits between two looks at the jobs that wait: longer and longer while threads take jobs.
_LOOK_SECONDS = (0.0005, 0.004)
_LOOKS_WITHOUT_JOBS = 10
# How long jobs wait without any thread that takes one: twice as long as they usually compute, within these limits.
_PATIENCE_SECONDS = (0.001, 0.025)
_MAX_KINDS = 256


class Job(msgspec.Struct, frozen=True, kw_only=True, gc=False, eq=False):
    """Work that raises nothing and tells whether its thread ends with it; jobs of one ``kind`` compute equally long."""

    work: Callable[[], bool]
    kind: Hashable


class JobThreads:
    """Does jobs in the order in which they come; thread-safe, and the threads are daemons.

    Jobs that compute take the GIL from each other: side by side, they serve half as many callers as one after another.
    So a thread that takes jobs in quick succession is *hot*, and while there is one, no other is woken. When no thread
    has taken a job for longer than a job that waits usually computes, the hot threads are hot no more, and the watcher
    wakes as many others as are at work: jobs that sleep or read are soon side by side, and none waits for a long one.
    """

    def __init__(self, name: str, *, patience_seconds: tuple[float, float] = _PATIENCE_SECONDS) -> None:
        self._name = name
        self._least_patience_seconds, self._most_patience_seconds = patience_seconds
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        # A thread waits for a lock of its own, which another one releases to wake it; the last one in is woken first.
        self._idle: list[threading.Lock] = []
        self._hot: set[threading.Lock] = set()
        self._threads = 0
        self._taken_at = 0.0
        self._usual_seconds: BoundedCache[Hashable, float] = BoundedCache(_MAX_KINDS)
        self._has_watcher = False
        self._is_watching = False
        self._watch = threading.Semaphore(0)
        self._is_closed = False

    def put(self, job: Job) -> None:
        """Have a job done; raises ``RuntimeError`` if no thread is hot and none can start."""
        with self._lock:
            has_hot = bool(self._hot)
            if not has_hot:
                self._wake_thread()
            self._jobs.append(job)
            if has_hot or len(self._jobs) > 1:
                self._begin_to_watch()

    def close(self) -> None:
        """Let all threads end when no job is left."""
        with self._lock:
            self._is_closed = True
            for wakeup in self._idle:
                wakeup.release()
            self._idle.clear()
            self._watch.release()

    # --- while the lock is held ---

    def _wake_thread(self) -> None:
        """Make another thread hot, before it runs, so that the next job wakes no further one."""
        if self._idle:
            wakeup = self._idle.pop()
            wakeup.release()
        else:
            wakeup = threading.Lock()
            wakeup.acquire()
            name = f"{self._name}-{self._threads + 1}"
            threading.Thread(target=self._work, args=(wakeup,), name=name, daemon=True).start()
            self._threads += 1
        self._hot.add(wakeup)
        self._taken_at = time.monotonic()

    def _begin_to_watch(self) -> None:
        if not self._has_watcher:
            try:
                threading.Thread(target=self._watch_jobs, name=f"{self._name}-watcher", daemon=True).start()
            except RuntimeError:
                # The system has no thread left: the job waits for one that is at work.
                return
            self._has_watcher = True
        if not self._is_watching:
            self._is_watching = True
            self._watch.release()

    def _note(self, wakeup: threading.Lock, kind: Hashable, *, seconds: float, cpu_seconds: float) -> None:
        """Note how long a job took; its thread stays hot if the job waited, or if no other thread is hot."""
        usual = self._usual_seconds.get(kind)
        if usual is None:
            self._usual_seconds.add(kind, cpu_seconds)
        else:
            self._usual_seconds[kind] = usual + (cpu_seconds - usual) * 0.2
        # Threads that compute share the GIL with each other and with the event loop. One that had much less than its
        # share has waited for something else.
        has_waited = 2 * cpu_seconds * (1 + self._threads - len(self._idle)) < seconds
        if has_waited or self._hot <= {wakeup}:
            self._hot.add(wakeup)
        else:
            self._hot.discard(wakeup)
        if has_waited and len(self._jobs) > len(self._hot):
            # The hot threads take some of the jobs, which may wait as well.
            with suppress(RuntimeError):
                self._wake_thread()

    def _is_overdue(self, job: Job, waited_seconds: float) -> bool:
        patience = 2 * self._usual_seconds.get(job.kind, 0.0)
        return waited_seconds > min(max(patience, self._least_patience_seconds), self._most_patience_seconds)

    # --- in the threads ---

    def _work(self, wakeup: threading.Lock) -> None:
        cpu_started = time.thread_time()
        while (job := self._take(wakeup)) is not None:
            started = time.monotonic()
            if job.work():
                break
            # One look at this clock for each job: it costs 1 µs, and it stands still while the thread waits for a job.
            cpu_ended, seconds = time.thread_time(), time.monotonic() - started
            with self._lock:
                self._note(wakeup, job.kind, seconds=seconds, cpu_seconds=cpu_ended - cpu_started)
            cpu_started = cpu_ended
            # A thread that waits must not keep its last job alive.
            del job
        with self._lock:
            self._hot.discard(wakeup)
            self._threads -= 1
            if self._jobs:
                self._begin_to_watch()

    def _take(self, wakeup: threading.Lock) -> Job | None:
        while True:
            with self._lock:
                if self._jobs and (wakeup in self._hot or not self._hot):
                    self._hot.add(wakeup)
                    self._taken_at = time.monotonic()
                    return self._jobs.popleft()
                self._hot.discard(wakeup)
                if self._is_closed and not self._jobs:
                    return None
                self._idle.append(wakeup)
            wakeup.acquire()

    def _watch_jobs(self) -> None:
        while not self._is_closed or self._jobs:
            self._watch.acquire()
            looks, (pause_seconds, longest_pause_seconds) = 0, _LOOK_SECONDS
            while looks < _LOOKS_WITHOUT_JOBS:
                time.sleep(pause_seconds)
                with self._lock:
                    looks = 0 if self._jobs else looks + 1
                    self._is_watching = looks < _LOOKS_WITHOUT_JOBS
                    has_helped = self._help()
                pause_seconds = _LOOK_SECONDS[0] if has_helped else min(2 * pause_seconds, longest_pause_seconds)

    def _help(self) -> bool:
        """Wake threads if a job waits for too long; tell whether one did."""
        waited_seconds = time.monotonic() - self._taken_at
        if not any(self._is_overdue(job, waited_seconds) for job in self._jobs):
            return False
        self._hot.clear()
        # If the system has no thread left, the next look tries again.
        with suppress(RuntimeError):
            for _ in range(min(len(self._jobs), max(1, self._threads - len(self._idle)))):
                self._wake_thread()
        return True
