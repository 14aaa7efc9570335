"""A server process: its event loop, its writer thread and its slots."""

from collections import deque
from collections.abc import Callable

import simpy

from fleet.costs import Costs, GroupCost
from fleet.database import Database
from fleet.machine import Interpreter, Steps


class Run:
    """A run on its way; times are seconds since the simulation began."""

    __slots__ = ("arrived", "ended", "ends", "promised", "started")

    def __init__(self, arrived: float) -> None:
        self.arrived = arrived
        self.promised: float | None = None
        self.started: float | None = None
        self.ended: float | None = None
        self.ends = 0


class Server:
    """Promises runs, starts them in its slots, and writes each step in groups, as `Writer` and `Scheduler` do."""

    def __init__(
        self,
        env: simpy.Environment,
        costs: Costs,
        interpreter: Interpreter,
        database: Database,
        *,
        slots: int,
        run_seconds: Callable[[], float],
        ended: Callable[[Run], None] = lambda run: None,
    ) -> None:
        self._env = env
        self._costs = costs
        self._interpreter = interpreter
        self._database = database
        self._free_slots = slots
        self._run_seconds = run_seconds
        self._ended = ended
        self._waiting: deque[Run] = deque()
        self._unwritten: list[tuple[GroupCost, Callable[[], None]]] = []
        self._wake = env.event()
        env.process(self._write_forever())

    def submit(self, run: Run) -> None:
        """Take a request for a run."""
        self._env.process(self._admit(run))

    def _admit(self, run: Run) -> Steps:
        # Half of the event loop's work comes before the promise is on disk, half with the answer.
        yield from self._interpreter.work(self._costs.server.loop_us / 2)
        self._post(self._costs.postgres.promise, lambda: self._promised(run))

    def _promised(self, run: Run) -> None:
        self._env.process(self._answer(run))

    def _answer(self, run: Run) -> Steps:
        yield from self._interpreter.work(self._costs.server.loop_us / 2)
        run.promised = self._env.now
        if self._free_slots:
            self._start(run)
        else:
            self._waiting.append(run)

    def _start(self, run: Run) -> None:
        self._free_slots -= 1
        self._post(self._costs.postgres.start, lambda: self._started(run))

    def _started(self, run: Run) -> None:
        run.started = self._env.now
        self._env.process(self._execute(run))

    def _execute(self, run: Run) -> Steps:
        yield from self._interpreter.work(self._costs.server.run_us)
        if (seconds := self._run_seconds()) > 0:
            yield self._env.timeout(seconds)
        self._free_slots += 1
        self._post(self._costs.postgres.end, lambda: self._end(run))
        if self._waiting:
            self._start(self._waiting.popleft())

    def _end(self, run: Run) -> None:
        run.ended = self._env.now
        run.ends += 1
        self._ended(run)

    # --- the writer thread ---

    def _post(self, cost: GroupCost, stored: Callable[[], None]) -> None:
        """Queue a state that has to be on disk."""
        self._unwritten.append((cost, stored))
        if not self._wake.triggered:
            self._wake.succeed()

    def _write_forever(self) -> Steps:
        while True:
            yield self._wake
            self._wake = self._env.event()
            group, self._unwritten = self._unwritten, []
            if not group:
                continue
            yield from self._interpreter.work(len(group) * self._costs.server.writer_us / 3)
            yield from self._database.write(self._interpreter, [cost for cost, _ in group])
            for _, stored in group:
                stored()
