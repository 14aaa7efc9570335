"""The writer thread writes some states together, and leaves others for later."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.messages import FromWriter, GroupWritten, Request, RunAdmitted
from kedro_asgi.dispatch.pending_write import WriteOptions
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.dispatch.waiting_order import GivenOrder
from kedro_asgi.dispatch.writer import Writer
from kedro_asgi.run_ids import RunIds
from kedro_asgi.runs import RunQuery, RunRecord, RunSpec

RUN_IDS = RunIds()


class Worker:
    """A writer thread with a store in memory, and the runs of its event loop."""

    def __init__(self, *, linger_seconds: float) -> None:
        self.policy = Policy(linger_seconds=linger_seconds)
        self.store = SQLiteStore(None)
        self.written = threading.Semaphore(0)
        options = WriteOptions(owner="me", keep_order_bytes=self.policy.keep_order_bytes)
        self.writer = Writer(self.store, options, self.policy, answer=self._answer)

    @contextmanager
    def working(self) -> Iterator[None]:
        self.writer.open_store()
        self.writer.start()
        yield
        self.writer.close()

    def admit(self, name: str, *, is_promised: bool = False) -> ActiveRun:
        record = RunRecord(run_id=RUN_IDS.next(), status="queued", created_at=datetime.now(UTC), pipeline_names=(name,))
        self.writer.post(RunAdmitted(record=record, is_promised=is_promised), is_urgent=is_promised)
        order = GivenOrder(read=RunSpec)
        return ActiveRun(record, order, self.writer.post, self.policy, is_promised=is_promised)

    def begin(self, run: ActiveRun) -> None:
        for step in (run.enqueue, run.start, run.begin):
            step()

    def stored(self) -> dict[str, str]:
        return {run.pipeline_names[0]: run.status for run in self.store.list_runs(RunQuery()).runs}

    def _answer(self, answers: Sequence[FromWriter]) -> None:
        if any(isinstance(answer, GroupWritten) for answer in answers):
            self.written.release()


def test_a_run_that_may_end_in_a_moment_is_written_once() -> None:
    worker = Worker(linger_seconds=30)
    with worker.working():
        run = worker.admit("short")
        worker.begin(run)
        worker.admit("promised", is_promised=True)
        assert worker.written.acquire(timeout=10)
        assert worker.stored() == {"promised": "queued"}
        run.end("success")
        worker.admit("other", is_promised=True)
        assert worker.written.acquire(timeout=10)
        assert worker.stored() == {"short": "success", "promised": "queued", "other": "queued"}


def test_a_request_sees_the_runs_that_were_left_for_later() -> None:
    worker, seen = Worker(linger_seconds=30), threading.Event()
    with worker.working():
        worker.begin(worker.admit("short"))
        worker.writer.post(Request(call=lambda store: seen.set(), then=lambda outcome: None), is_urgent=True)
        assert seen.wait(10)
        assert worker.stored() == {"short": "running"}


def test_a_run_that_takes_longer_is_written_while_it_runs() -> None:
    worker = Worker(linger_seconds=0.01)
    with worker.working():
        began = time.monotonic()
        worker.begin(worker.admit("long"))
        # Before the run begins, it may be old enough to be written as it is.
        while worker.stored() != {"long": "running"}:
            assert worker.written.acquire(timeout=60)
        assert time.monotonic() - began >= 0.05
