"""A server process: its event loop, its writer thread and its slots."""

import random
from collections import deque
from collections.abc import Callable, Sequence

import simpy

from fleet.costs import Costs, GroupCost
from fleet.database import Database
from fleet.machine import Interpreter, Steps, Thread


class Run:
    """A run on its way; times are seconds since the simulation began.

    ``ended`` is when its caller has the answer, where the caller waits for the end. ``is_alone`` is false for the runs
    of callers that are answered together, and so send their next requests together.
    """

    __slots__ = ("arrived", "ended", "ends", "is_alone", "promised", "started")

    def __init__(self, arrived: float, *, is_alone: bool = False) -> None:
        self.arrived = arrived
        self.is_alone = is_alone
        self.promised: float | None = None
        self.started: float | None = None
        self.ended: float | None = None
        self.ends = 0


class StoreQueue:
    """The runs that wait in a database; the next server with room claims them."""

    def __init__(self, *, claimed_ahead: int) -> None:
        self.claimed_ahead = claimed_ahead
        self.runs: deque[Run] = deque()
        self.servers: deque[Server] = deque()

    def add(self, run: Run) -> None:
        """Add a run, and wake a server that has room for it."""
        self.runs.append(run)
        for _ in range(len(self.servers)):
            self.servers.rotate(-1)
            if self.servers[0].room > 0:
                self.servers[0].claim()
                return

    def take(self, limit: int) -> list[Run]:
        """Remove the oldest runs."""
        return [self.runs.popleft() for _ in range(max(0, min(limit, len(self.runs))))]


class Server:
    """Promises runs, starts them in its slots, and writes each step in groups, as `Writer` and `Scheduler` do."""

    def __init__(
        self,
        env: simpy.Environment,
        costs: Costs,
        interpreter: Interpreter,
        database: Database,
        *,
        scheduler: Thread | None = None,
        slots: int,
        store_queue: StoreQueue | None = None,
        answers_ends: bool = False,
        number: int = 0,
        run_seconds: Callable[[], float],
        ended: Callable[[Run], None] = lambda run: None,
    ) -> None:
        self._env = env
        self._costs = costs
        self._interpreter = interpreter
        self._loop, self._writer = interpreter.thread(), interpreter.thread()
        self._database = database
        self._scheduler = scheduler
        self._free_slots = slots
        self._queue = store_queue
        self._wants_claim = False
        # Servers that began together do not collect together.
        self._uncollected = random.Random(number).uniform(0, costs.server.collection_runs)
        self._answers_ends = answers_ends
        self._run_seconds = run_seconds
        self._ended = ended
        self._waiting: deque[Run] = deque()
        self._unwritten: list[tuple[GroupCost, Callable[[], None]]] = []
        self._wake = env.event()
        env.process(self._write_forever())

    def submit(self, run: Run) -> None:
        """Take a request for a run."""
        self._env.process(self._admit(run))
        self._uncollected += 1
        if self._costs.server.collection_runs and self._uncollected >= self._costs.server.collection_runs:
            self._uncollected = 0
            self._env.process(self._loop.work(self._costs.server.collection_us))

    # The event loop has three parts of a run: its request, the end of its execution, and the answer.

    def _admit(self, run: Run) -> Steps:
        wakes = run.is_alone and self._loop.is_asleep
        alone_us = self._costs.server.loop_alone_us if wakes else 0.0
        yield from self._loop.work(self._costs.server.loop_us / 3 + alone_us)
        self._post(self._costs.postgres.promise, lambda: self._promised(run))

    def _promised(self, run: Run) -> None:
        run.promised = self._env.now
        if not self._answers_ends:
            self._env.process(self._answer_promise(run))
        if self._free_slots and not (self._waiting or (self._queue is not None and self._queue.runs)):
            self._start(run)
        elif self._queue is None:
            self._waiting.append(run)
        else:
            self._queue.add(run)

    def _answer_promise(self, run: Run) -> Steps:
        yield from self._loop.work(self._costs.server.loop_us / 3)
        run.promised = self._env.now

    def _start(self, run: Run) -> None:
        self._free_slots -= 1
        self._post(self._costs.postgres.start, lambda: self._started(run))

    def _started(self, run: Run) -> None:
        run.started = self._env.now
        self._env.process(self._execute(run))

    def _execute(self, run: Run) -> Steps:
        # Each run has a thread, which waits for its turn in the process.
        thread = self._interpreter.thread()
        yield from thread.work(self._costs.server.run_us)
        if self._scheduler is not None and (dask := self._costs.dask) is not None:
            yield from thread.work(dask.client_us)
            yield from self._scheduler.work(dask.scheduler_us)
            yield self._env.timeout(dask.worker_us * 1e-6)
        if (seconds := self._run_seconds()) > 0:
            yield self._env.timeout(seconds)
        yield from self._loop.work(self._costs.server.loop_us / 3)
        self._free_slots += 1
        self._post(self._costs.postgres.end, lambda: self._end(run))
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._queue is not None and self._queue.runs:
            self.claim()

    def _end(self, run: Run) -> None:
        run.ended = self._env.now
        run.ends += 1
        if self._answers_ends:
            self._env.process(self._answer_end(run))
        else:
            self._ended(run)

    def _answer_end(self, run: Run) -> Steps:
        yield from self._loop.work(self._costs.server.loop_us / 3)
        self._ended(run)

    @property
    def room(self) -> int:
        """How many runs the server would claim now."""
        ahead = 0 if self._queue is None else self._queue.claimed_ahead
        return self._free_slots + ahead - len(self._waiting)

    def claim(self) -> None:
        """Have the writer thread claim runs when it has written what it has."""
        self._wants_claim = True
        if not self._wake.triggered:
            self._wake.succeed()

    # --- the writer thread ---

    def _post(self, cost: GroupCost, stored: Callable[[], None]) -> None:
        """Queue a state that has to be on disk."""
        self._unwritten.append((cost, stored))
        if not self._wake.triggered:
            self._wake.succeed()

    def _write_forever(self) -> Steps:
        server = self._costs.server
        while True:
            yield self._wake
            # It wakes up before it takes what there is by then: what came meanwhile is in the same group.
            yield from self._writer.work(server.writer_transaction_us)
            self._wake = self._env.event()
            group, self._unwritten = self._unwritten, []
            if group:
                yield from self._writer.work(len(group) * server.writer_us / 3)
                yield from self._database.write(self._interpreter, self._writer, [cost for cost, _ in group])
                self._env.process(self._tell([stored for _, stored in group]))
            if self._wants_claim:
                self._wants_claim = False
                yield from self._claim()

    def _claim(self) -> Steps:
        """Take runs from the queue of the store in a transaction of their own."""
        assert self._queue is not None
        if not (runs := self._queue.take(self.room)):
            return
        yield from self._database.write(self._interpreter, self._writer, [self._costs.postgres.start] * len(runs))
        self._waiting += runs
        while self._free_slots and self._waiting:
            self._start(self._waiting.popleft())

    def _tell(self, stored: Sequence[Callable[[], None]]) -> Steps:
        """Wake the event loop, which goes on with each run of the group."""
        server = self._costs.server
        yield from self._loop.work(server.loop_transaction_us + server.run_transaction_us)
        for one in stored:
            one()
