"""Runs that arrive at servers over one database, followed from their requests to their ends."""

import random
from collections.abc import Callable, Sequence
from itertools import count

import simpy

from fleet.capacity import feed_cores, look_cores
from fleet.costs import Costs, Value
from fleet.database import Database
from fleet.deployment import Deployment, Workload
from fleet.machine import Interpreter, Machine, Steps
from fleet.server import Run, Server, StoreQueue

_MINUTE = 60.0


class Latency(Value):
    """Quantiles of a duration, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


class Simulated(Value):
    """The outcome of a simulation of one database with its servers; shares are 1 for busy all the time.

    ``arrived`` runs came in ``seconds``, ``ended`` of them ended in that time, and all of them in the end, each once,
    where ``are_all_ended_once``. Latencies leave out the first fifth of the runs.
    ``writing_share`` is how much of the time a server's writer thread is in a transaction, or waits for the lock.
    """

    arrived: int
    ended: int
    are_all_ended_once: bool
    seconds: float
    per_second: float
    promise: Latency
    start: Latency
    end: Latency
    lock_share: float
    writing_share: float
    database_share: float
    server_share: float
    rows_a_transaction: float
    wal_bytes_per_second: float


class Arrivals(Value):
    """How runs come: ``per_second`` at random times for ``seconds``, and ``burst`` at once in the middle.

    With ``callers``, so many callers each send a request when the run of the one before has ended.
    """

    seconds: float
    per_second: float = 0.0
    burst: int = 0
    callers: int = 0


def peak_arrivals(workload: Workload, deployment: Deployment, *, seconds: float) -> Arrivals:
    """Return what comes to one of the databases in the busiest hour, around a full minute."""
    each = workload.peak_per_second / deployment.databases
    share = workload.minute_share
    return Arrivals(seconds=seconds, per_second=each * (1 - share), burst=round(each * share * _MINUTE))


def simulate(
    costs: Costs, deployment: Deployment, workload: Workload, arrivals: Arrivals, *, seed: int = 1
) -> Simulated:
    """Simulate arrivals, and what follows until each run has ended. The same seed gives the same outcome."""
    return _Simulation(costs, deployment, workload, arrivals, seed=seed).outcome()


class _Simulation:
    def __init__(
        self, costs: Costs, deployment: Deployment, workload: Workload, arrivals: Arrivals, *, seed: int
    ) -> None:
        self._env = simpy.Environment()
        self._random = random.Random(seed)
        self._costs = costs
        self._arrivals = arrivals
        self._runs: list[Run] = []
        self._next_server = count()
        self._callers: dict[Run, simpy.Event] = {}
        per_second = arrivals.per_second + arrivals.burst / max(arrivals.seconds, _MINUTE)
        background = look_cores(costs, deployment) + feed_cores(costs, deployment, workload, per_second)
        machine = Machine(self._env, cores=deployment.database_cores, busy_cores=deployment.busy_cores + background)
        self._machine = machine
        self._shared = machine if deployment.is_one_machine else None
        self._database = Database(self._env, costs, deployment, machine, self._random)
        self._interpreters = [Interpreter(self._env, self._shared) for _ in range(deployment.executing)]
        self._database.interpreters = self._interpreters
        schedulers = [Interpreter(self._env, None).thread() for _ in range(deployment.schedulers)]
        self._load = Interpreter(self._env, self._shared).thread()
        queue = StoreQueue(claimed_ahead=deployment.claimed_ahead) if deployment.is_notified else None
        self._servers = [
            Server(
                self._env,
                costs,
                interpreter,
                self._database,
                scheduler=schedulers[number % len(schedulers)] if schedulers else None,
                slots=deployment.slots,
                store_queue=queue,
                answers_ends=workload.waits_for_ends,
                number=number,
                run_seconds=_durations(workload.run_seconds, self._random),
                ended=self._run_ended,
            )
            for number, interpreter in enumerate(self._interpreters)
        ]
        if queue is not None:
            queue.servers.extend(self._servers)

    def outcome(self) -> Simulated:
        arrivals, env = self._arrivals, self._env
        for _ in range(arrivals.callers):
            env.process(self._call_again_and_again())
        if arrivals.per_second:
            env.process(self._arrive())
        if arrivals.burst:
            env.process(self._burst())
        env.run(until=arrivals.seconds)
        ended, locked, writing, busy = (
            sum(run.ends for run in self._runs),
            self._database.locked_seconds,
            self._database.writing_seconds,
            self._machine.busy_seconds,
        )
        python = sum(one.busy_seconds for one in self._interpreters)
        wal_bytes = self._database.wal_bytes
        env.run()
        settled = [run for run in self._runs if run.arrived >= arrivals.seconds / 5]
        seconds = arrivals.seconds
        return Simulated(
            arrived=len(self._runs),
            ended=ended,
            are_all_ended_once=all(run.ends == 1 for run in self._runs),
            seconds=seconds,
            per_second=sum(seconds / 5 <= (run.ended or 0) < seconds for run in self._runs) / (seconds * 0.8),
            promise=_latency([run.promised - run.arrived for run in settled if run.promised is not None]),
            start=_latency([run.started - run.arrived for run in settled if run.started is not None]),
            end=_latency([run.ended - run.arrived for run in settled if run.ended is not None]),
            lock_share=locked / seconds,
            writing_share=writing / seconds / len(self._interpreters),
            database_share=busy / seconds / len(self._machine.cores),
            server_share=python / seconds / len(self._interpreters),
            rows_a_transaction=self._database.rows / max(self._database.transactions, 1),
            wal_bytes_per_second=wal_bytes / seconds,
        )

    # --- arrivals ---

    def _arrive(self) -> Steps:
        while True:
            yield self._env.timeout(self._random.expovariate(self._arrivals.per_second))
            if self._env.now >= self._arrivals.seconds:
                return
            self._submit(is_alone=True)

    def _burst(self) -> Steps:
        yield self._env.timeout(self._arrivals.seconds / 2)
        for _ in range(self._arrivals.burst):
            self._submit()

    def _call_again_and_again(self) -> Steps:
        while self._env.now < self._arrivals.seconds:
            run = self._submit()
            ended = self._callers[run] = self._env.event()
            yield ended

    def _submit(self, *, is_alone: bool = False) -> Run:
        run = Run(self._env.now, is_alone=is_alone)
        self._runs.append(run)
        self._env.process(self._send(run))
        return run

    def _send(self, run: Run) -> Steps:
        if self._shared is not None:
            yield from self._load.work(self._load_us(run))
        self._servers[next(self._next_server) % len(self._servers)].submit(run)

    def _load_us(self, run: Run) -> float:
        """Return what the load does for a request, or for an answer."""
        server = self._costs.server
        return server.load_us / 2 + (server.load_alone_us / 2 if run.is_alone and self._load.is_asleep else 0.0)

    def _run_ended(self, run: Run) -> None:
        self._env.process(self._receive(run))

    def _receive(self, run: Run) -> Steps:
        if self._shared is not None:
            yield from self._load.work(self._load_us(run))
            run.ended = self._env.now
        if (caller := self._callers.pop(run, None)) is not None:
            caller.succeed()


def _durations(mean_seconds: float, source: random.Random) -> Callable[[], float]:
    """Return what draws how long a run takes: most are shorter than the mean, a few much longer."""
    if not mean_seconds:
        return lambda: 0.0
    return lambda: source.lognormvariate(0, 1) * mean_seconds / 1.6487


def _latency(seconds: Sequence[float]) -> Latency:
    ranked = sorted(seconds)
    return Latency(**{f"p{share}_ms": _quantile(ranked, share / 100) * 1000 for share in (50, 95, 99)})


def _quantile(ranked: Sequence[float], share: float) -> float:
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else 0.0
