"""Jobs that compute go one after another; those that wait go side by side, and none waits for a long one."""

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from kedro_asgi.dispatch.executors import job_threads
from kedro_asgi.dispatch.executors.job_threads import _LOOK_SECONDS, Job, JobThreads

LONG = 60.0


def job(work: Callable[[], object], *, ends_thread: bool = False) -> Job:
    def do() -> bool:
        work()
        return ends_thread

    return Job(work=do, kind="jobs")


@pytest.fixture
def threads() -> Iterator[JobThreads]:
    made = JobThreads("test-jobs")
    yield made
    made.close()
    wait_until(lambda: not named_threads())


def named_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("test-jobs")]


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_short_jobs_go_one_after_another_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine, a job may have to wait for a core, and then it looks as if it slept.
    still = SimpleNamespace(monotonic=lambda: 0.0, thread_time=lambda: 0.0, sleep=time.sleep)
    monkeypatch.setattr(job_threads, "time", still)
    patient, done = JobThreads("test-jobs", patience_seconds=(LONG, LONG)), list[tuple[int, int]]()
    for number in range(200):
        patient.put(job(lambda number=number: done.append((number, threading.get_ident()))))
    wait_until(lambda: len(done) == 200)
    assert [number for number, _ in done] == list(range(200))
    patient.close()
    assert len({thread for _, thread in done}) == 1


def test_jobs_that_wait_are_soon_side_by_side(threads: JobThreads) -> None:
    together = threading.Barrier(8)
    passed: list[int] = []
    for _ in range(8):
        threads.put(job(lambda: passed.append(together.wait(LONG))))
    wait_until(lambda: len(passed) == 8)


def test_a_short_job_does_not_wait_for_one_that_computes_for_long(threads: JobThreads) -> None:
    is_done = threading.Event()
    ends = time.monotonic() + LONG

    def compute() -> None:
        while not is_done.is_set() and time.monotonic() < ends:
            pass

    threads.put(job(compute))
    threads.put(job(is_done.set))
    assert is_done.wait(LONG / 2)


def test_jobs_of_a_kind_that_usually_computes_for_long_do_not_wait_for_it() -> None:
    threads = JobThreads("test-jobs")
    threads._usual_seconds.add("jobs", LONG)
    held, is_done = threading.Event(), threading.Event()
    threads.put(job(lambda: held.wait(LONG)))
    threads.put(job(is_done.set))
    assert is_done.wait(LONG / 2)
    held.set()
    threads.close()


def test_a_thread_that_ends_with_its_job_is_replaced(threads: JobThreads) -> None:
    used: list[int] = []
    for _ in range(5):
        threads.put(job(lambda: used.append(threading.get_native_id()), ends_thread=True))
    wait_until(lambda: len(used) == 5)


def test_jobs_that_wait_at_the_close_are_done(threads: JobThreads) -> None:
    held, done = threading.Event(), list[int]()
    threads.put(job(lambda: held.wait(LONG)))
    for number in range(3):
        threads.put(job(lambda number=number: done.append(number)))
    threads.close()
    wait_until(lambda: len(done) == 3)
    held.set()


def test_no_job_waits_for_50_ms_because_of_a_long_one() -> None:
    """The watcher looks at least so often, and then wakes a thread, however long jobs of a kind usually compute."""
    patient = JobThreads("test-jobs")
    patient._usual_seconds.add("jobs", LONG)
    overdue = next(ms for ms in range(1000) if patient._is_overdue(job(lambda: None), ms / 1000))
    assert overdue + 1000 * max(_LOOK_SECONDS) < 50
