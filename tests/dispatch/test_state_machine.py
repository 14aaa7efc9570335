"""Random interleavings of everything that happens to runs, over two workers that share a SQLite file.

Real dispatchers, real writer threads, a real store; runs end when the machine says so.
"""

import asyncio
import logging
import os
import sqlite3
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from kedro_asgi.dispatch import Dispatcher, Finished, Policy
from kedro_asgi.dispatch.executors.base import Execution, GivenRun
from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import DrainingError, QueueFullError, RunNotFoundError, RunStoppedError, StoreUnavailableError
from kedro_asgi.events import RunEnded, RunEvent, RunPlanned
from kedro_asgi.runs import ErrorDetail, RunId, RunOrder, RunRecord
from kedro_asgi.session import AsyncSession

T = TypeVar("T")

POLICY = Policy(
    max_concurrent_runs=2, max_queued_runs=6, grace_seconds=0, look_seconds=0.02, linger_seconds=0.002, max_attempts=2
)
FAILED = Execution(error=ErrorDetail(type="ValueError", message="it failed"))
TRIED_AGAIN = [msgspec.structs.replace(FAILED, retry_delay_seconds=seconds) for seconds in (0, 0.02)]
WORKERS = st.integers(0, 1)
PICKS = st.integers(0, 30)

_EVENTS = msgspec.json.Decoder(list[RunEvent])
_RECORD = msgspec.json.Decoder(RunRecord)


class HeldExecutor:
    """Executes nothing: a run ends when `finish` is called, or by itself where `is_automatic` is set."""

    def __init__(self) -> None:
        self.started: list[RunId] = []
        self.executing: dict[RunId, GivenRun] = {}
        self.asked_to_stop: set[RunId] = set()
        self.is_automatic = False

    def start(self, run: GivenRun) -> None:
        self.started.append(run.run_id)
        self.executing[run.run_id] = run
        run.emit(RunPlanned(run_id=run.run_id, nodes=1))
        if self.is_automatic:
            asyncio.get_running_loop().call_soon(self.finish, run.run_id, Execution())

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        self.asked_to_stop.add(run_id)
        if self.is_automatic:
            asyncio.get_running_loop().call_soon(self.finish, run_id, Execution())

    def close(self) -> None:
        pass

    def finish(self, run_id: RunId, execution: Execution) -> None:
        run = self.executing.pop(run_id, None)
        if run is not None:
            run.emit(RunPlanned(run_id=run_id, nodes=2))
            run.ended(execution)
            # A thread of the run goes on for a moment.
            run.emit(RunPlanned(run_id=run_id, nodes=3))

    def finish_all(self) -> None:
        self.is_automatic = True
        for run_id in list(self.executing):
            self.finish(run_id, Execution())


class FaultyStore(SQLiteStore):
    """A store that waits, fails, or writes and cannot say so, when it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.is_off = False
        self.is_dead = False
        self.answered_writes: int | None = None
        self.may_write = threading.Event()
        self.may_write.set()
        self._in_flight = threading.Lock()

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[SqlConnection]:
        if writes:
            self.may_write.wait(20)
        with self._in_flight:
            if self.is_dead or (writes and self.is_off):
                raise StoreUnavailableError("it is off")
            with super().transaction(writes=writes) as connection:
                yield connection
        if writes and self.answered_writes is not None:
            self.answered_writes -= 1
            if self.answered_writes < 0:
                self.answered_writes = None
                raise StoreUnavailableError("the connection broke")

    def work(self) -> None:
        self.is_off, self.answered_writes = False, None
        self.may_write.set()

    def crash(self) -> None:
        """Write nothing more, and let the others see that this worker is dead.

        A killed process writes nothing after its lock is free, so a write under way ends first.
        """
        with self._in_flight:
            self.is_dead = True
            self._worker_lock.release()
        self.may_write.set()


class Worker:
    """A dispatcher, and the calls that wait in it."""

    def __init__(self, path: Path) -> None:
        self.store = FaultyStore(path)
        self.executor = HeldExecutor()
        session = AsyncSession.create("nowhere")
        self.runs = Dispatcher(session, store=self.store, policy=POLICY, make_executor=lambda: self.executor)
        self.calls: list[asyncio.Task[None]] = []
        self._is_open = asyncio.Event()
        self._may_close = asyncio.Event()
        self._host: asyncio.Task[None] | None = None

    @property
    def service(self) -> Any:
        return self.runs._service

    async def open(self) -> None:
        self._host = asyncio.create_task(self._stay_open())
        await asyncio.wait_for(self._is_open.wait(), 20)

    async def _stay_open(self) -> None:
        async with self.runs:
            self._is_open.set()
            await self._may_close.wait()

    async def close(self) -> None:
        """Drain the worker; its runs stop at once."""
        assert self._host is not None
        self.store.work()
        while self.runs.failure is not None:
            await asyncio.sleep(0.01)
        self.executor.is_automatic = True
        self._may_close.set()
        await asyncio.wait_for(self._host, 30)
        await asyncio.wait_for(asyncio.gather(*self.calls), 30)

    async def crash(self) -> None:
        """End as a killed process does, as far as the others can see."""
        assert self._host is not None
        self.store.crash()
        self.executor.executing.clear()
        tasks = [*self.calls, self._host]
        while not all(task.done() for task in tasks):
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0.001)
        await asyncio.gather(*tasks, return_exceptions=True)


class Lost(logging.Handler):
    """Notes that a worker found one of its runs taken over."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__()
        self._problems = problems

    def emit(self, record: logging.LogRecord) -> None:
        if "taken over" in record.getMessage():
            self._problems.append(record.getMessage())


class Machine(RuleBasedStateMachine):
    """The next steps of callers, executors, stores and workers; the invariants hold after each."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "runs.db"
        self._loop = asyncio.new_event_loop()
        self._problems: list[str] = []
        self._loop.set_exception_handler(lambda _, context: self._problems.append(str(context)))
        # No worker takes a run of another one that lives.
        self._lost = Lost(self._problems)
        logging.getLogger("kedro_asgi.dispatch.writer").addHandler(self._lost)
        self._workers: list[Worker] = []
        self._former: list[Worker] = []
        self._promised: dict[RunId, str | None] = {}
        self._finished: list[Finished] = []
        self._tried_again: Counter[RunId] = Counter()

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        self._loop.run_until_complete(work)

    @initialize()
    def open_workers(self) -> None:
        self._workers = [Worker(self._path) for _ in range(2)]
        for worker in self._workers:
            self.do(worker.open())

    # --- callers ---

    @rule(
        number=WORKERS,
        key=st.sampled_from([None, None, "a", "b"]),
        on_interrupt=st.sampled_from(["mark", "rerun"]),
        timeout_seconds=st.sampled_from([None, None, 0.001]),
    )
    def submit(self, number: int, key: str | None, on_interrupt: Any, timeout_seconds: float | None) -> None:
        order = RunOrder(on_interrupt=on_interrupt, timeout_seconds=timeout_seconds)
        self.do(self._call(self._workers[number], self._submit, RunOrder(key=key) if key else order))

    async def _submit(self, worker: Worker, order: RunOrder) -> None:
        record, _ = await worker.runs.accept(order)
        self._promised[record.run_id] = order.key

    @rule(number=WORKERS, timeout_seconds=st.sampled_from([None, 0.001]))
    def run(self, number: int, timeout_seconds: float | None) -> None:
        self.do(self._call(self._workers[number], self._run, RunOrder(timeout_seconds=timeout_seconds)))

    async def _run(self, worker: Worker, order: RunOrder) -> None:
        self._finished.append(await worker.runs.run(order))

    @rule(number=WORKERS, pick=PICKS)
    def cancel(self, number: int, pick: int) -> None:
        for run_id in _picked(self._promised, pick):
            self.do(self._call(self._workers[number], self._cancel, run_id))

    @rule(pick=PICKS)
    def cancel_where_it_is(self, pick: int) -> None:
        found = [(worker, run_id) for worker in self._workers for run_id in worker.service.runs]
        for worker, run_id in _picked(found, pick):
            self.do(self._call(worker, self._cancel, run_id))

    async def _cancel(self, worker: Worker, run_id: RunId) -> None:
        try:
            await worker.runs.cancel(run_id)
        except RunNotFoundError:
            # It was refused meanwhile; no caller knew its id.
            assert run_id not in self._promised

    async def _call(self, worker: Worker, call: Callable[[Worker, Any], Awaitable[None]], argument: object) -> None:
        async def guarded() -> None:
            with suppress(StoreUnavailableError, DrainingError, QueueFullError):
                await call(worker, argument)

        worker.calls.append(asyncio.create_task(guarded()))
        await asyncio.sleep(0)

    # --- executors ---

    @rule(pick=PICKS, execution=st.sampled_from([Execution(), FAILED, *TRIED_AGAIN]))
    def finish(self, pick: int, execution: Execution) -> None:
        executing = [(worker, run_id) for worker in self._workers for run_id in worker.executor.executing]
        for worker, run_id in _picked(executing, pick):
            self.do(self._finish(worker, run_id, execution))

    async def _finish(self, worker: Worker, run_id: RunId, execution: Execution) -> None:
        self._tried_again[run_id] += execution.retry_delay_seconds is not None
        worker.executor.finish(run_id, execution)

    # --- the store ---

    @rule(number=WORKERS)
    def turn_store_off(self, number: int) -> None:
        self._workers[number].store.is_off = True

    @rule(number=WORKERS)
    def hold_store(self, number: int) -> None:
        self._workers[number].store.may_write.clear()

    @rule(number=WORKERS, answered_writes=st.integers(0, 3))
    def leave_write_unanswered(self, number: int, answered_writes: int) -> None:
        self._workers[number].store.answered_writes = answered_writes

    @rule(number=WORKERS)
    def mend_store(self, number: int) -> None:
        self._workers[number].store.work()

    # --- workers ---

    @rule(number=WORKERS, answered_writes=st.sampled_from([None, None, 1, 2, 3]))
    def crash(self, number: int, answered_writes: int | None) -> None:
        """Kill a worker; to open its store, the next one writes once, and then it may adopt runs at once."""
        self.do(self._workers[number].crash())
        self._replace(number, answered_writes=answered_writes)

    @rule(number=WORKERS)
    def drain(self, number: int) -> None:
        worker = self._workers[number]
        self.do(worker.close())
        unended = [run_id for run_id, status, *_ in self._rows() if status == "running"]
        assert not set(worker.executor.started) & set(unended), "a drained worker leaves no end unwritten"
        self._replace(number)

    def _replace(self, number: int, *, answered_writes: int | None = None) -> None:
        self._former.append(self._workers[number])
        self._workers[number] = Worker(self._path)
        self._workers[number].store.answered_writes = answered_writes
        self.do(self._workers[number].open())

    @rule(seconds=st.sampled_from([0, 0.005, 0.03]))
    def let_go_on(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    @rule()
    def settle(self) -> None:
        """Let everything that was posted be written, where the store works."""
        for worker in self._workers:
            if worker.runs.failure is None and worker.store.may_write.is_set():
                with suppress(StoreUnavailableError):
                    self.do(worker.service.recorder.flush())

    # --- what holds ---

    @invariant()
    def each_run_is_where_its_phase_says(self) -> None:
        assert not self._problems
        for worker in self._workers:
            scheduler, runs = worker.service.scheduler, worker.service.runs
            phases = {run_id: run.phase for run_id, run in runs.items()}
            queued, reserved, slots, waiting = (
                {run.record.run_id for run in found}
                for found in (
                    scheduler._queue.queued,
                    scheduler._queue.reserved,
                    scheduler._slots,
                    scheduler._queue.between_attempts,
                )
            )
            assert waiting == {run_id for run_id, phase in phases.items() if phase == "waiting"}
            assert queued == {run_id for run_id, phase in phases.items() if phase == "queued"}
            assert reserved == {run_id for run_id, phase in phases.items() if phase in ("admitted", "promised")}
            assert slots == {run_id for run_id, phase in phases.items() if phase in ("starting", "running")}
            assert worker.executor.executing.keys() == {
                run_id for run_id, phase in phases.items() if phase == "running"
            }
            assert len(slots) <= POLICY.max_concurrent_runs
            for run in runs.values():
                assert run.phase != "running" or not run.is_promised or run.stored == "running"
                assert run.known_record().is_final == (
                    run.phase == "announced" or (run.phase == "ended" and not run.is_promised)
                )

    @invariant()
    def no_run_starts_twice(self) -> None:
        workers = [*self._workers, *self._former]
        starts = Counter(run_id for worker in workers for run_id in worker.executor.started)
        assert all(count <= 1 + self._tried_again[run_id] for run_id, count in starts.items())

    @invariant()
    def one_key_is_one_run(self) -> None:
        keys = Counter(key for key in self._promised.values() if key is not None)
        assert all(count == 1 for count in keys.values())

    def teardown(self) -> None:
        try:
            if self._workers:
                self._end()
        finally:
            logging.getLogger("kedro_asgi.dispatch.writer").removeHandler(self._lost)
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0.01))
            self._loop.close()
            self._folder.cleanup()

    def _end(self) -> None:
        for worker in self._workers:
            self.do(worker.close())
        for finished in self._finished:
            assert finished.record.is_final
        assert self._promised.keys() <= {row[0] for row in self._rows()}
        # The next server runs what was handed back, and ends what was left behind.
        last = Worker(self._path)
        last.executor.is_automatic = True
        self.do(last.open())
        self.do(self._until_all_ended())
        self.do(last.close())
        assert not self._problems
        self._check_store()

    async def _until_all_ended(self) -> None:
        async with asyncio.timeout(20):
            while any(status in ("queued", "running") for _, status, *_ in self._rows()):
                await asyncio.sleep(0.01)

    def _rows(self) -> list[Any]:
        with closing(sqlite3.connect(self._path)) as connection:
            return connection.execute("SELECT run_id, status, record FROM runs").fetchall()

    def _events(self, run_id: RunId) -> list[RunEvent]:
        with closing(sqlite3.connect(self._path)) as connection:
            sql = "SELECT first, last, is_last, payload FROM events WHERE run_id = ? ORDER BY position"
            batches = connection.execute(sql, (run_id,)).fetchall()
        events: list[RunEvent] = []
        for first, last, is_last, payload in batches:
            assert first == len(events) + 1
            events += _EVENTS.decode(payload)
            assert last == len(events)
            assert bool(is_last) == isinstance(events[-1], RunEnded)
        return events

    def _check_store(self) -> None:
        records = {row[0]: _RECORD.decode(row[2]) for row in self._rows()}
        for run_id, record in records.items():
            events = self._events(run_id)
            ends = [event for event in events if isinstance(event, RunEnded)]
            assert [(end.status, end.error) for end in ends] == [(record.status, record.error)], run_id
            assert isinstance(events[-1], RunEnded)
            counts = Counter(type(event).__name__ for event in events)
            former = records.get(record.resubmission_of)
            assert counts["RunRetried"] == record.run_attempt - (1 if former is None else former.run_attempt)
            assert record.retry_count == record.run_attempt - 1
            if not counts["RunRetried"]:
                assert counts["RunStarted"] == (record.started_at is not None)
            assert counts["RunStarted"] - counts["RunRetried"] in (0, 1)
        followed = [record.resubmission_of for record in records.values() if record.resubmission_of is not None]
        assert len(followed) == len(set(followed))
        for former in followed:
            assert records[former].status == "interrupted"
            assert records[records[former].resubmitted_as].resubmission_of == former


def _picked(found: Iterable[T], pick: int) -> list[T]:
    """Return one of what there is, or nothing: hypothesis wants the same choices whatever the threads did."""
    options = list(found)
    return [options[pick % len(options)]] if options else []


FAST = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_every_run_is_in_one_phase_and_ends_once() -> None:
    run_state_machine_as_test(Machine, settings=FAST)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_run_is_in_one_phase_and_ends_once_in_the_long_run() -> None:
    # The same interleavings every time in CI, since a change must not fail for what it did not cause.
    is_ci = os.environ.get("CI") == "true"
    long = settings(FAST, max_examples=500, stateful_step_count=60, derandomize=is_ci)
    run_state_machine_as_test(Machine, settings=long)
