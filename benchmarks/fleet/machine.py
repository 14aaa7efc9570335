"""Cores, Python processes, and the threads that take turns on both."""

from collections import deque
from collections.abc import Generator
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, None]

_US = 1e-6
# How long a thread keeps its core, and Python's lock, while others wait for them and it has more to do: as Linux
# (``base_slice_ns`` of a machine with two cores) and Python (``sys.getswitchinterval``) have it.
_SLICE_SECONDS = 0.0014
_SWITCH_SECONDS = 0.005
# For so long after a thread has stopped, Linux takes its data to be in the cache of its core (``migration_cost_ns``).
_CACHED_SECONDS = 0.0005


class Core:
    """A core, and the threads that wait for it since when."""

    def __init__(self) -> None:
        self.is_idle = True
        self.waiting: deque[tuple[float, simpy.Event]] = deque()


class Place:
    """Where a thread was executed last: there it waits when all cores are busy, since its data are in that cache."""

    def __init__(self) -> None:
        self.core: Core | None = None


class Machine:
    """So many cores; ``busy_cores`` of them do other work, which slows all work down evenly.

    As Linux does, a thread that wakes up gets an idle core, or waits for the one that it had before. A core that gets
    idle takes a thread from another one only if its data are likely no longer in that one's cache.
    """

    def __init__(self, env: simpy.Environment, *, cores: float, busy_cores: float = 0.0) -> None:
        whole = max(round(cores), 1)
        self.env = env
        self.cores = [Core() for _ in range(whole)]
        self._stretch = whole / max(cores - busy_cores, 0.01)
        self._next = 0
        self.busy_seconds = 0.0

    def take(self, place: Place) -> Steps:
        """Wait for a core for a thread that wakes up now, and take it."""
        if place.core is None:
            self._next += 1
            place.core = self.cores[self._next % len(self.cores)]
        core = place.core if place.core.is_idle else next((one for one in self.cores if one.is_idle), None)
        if core is None:
            turn = self.env.event()
            place.core.waiting.append((self.env.now, turn))
            core = yield turn
        core.is_idle, place.core = False, core

    def release(self, place: Place) -> None:
        """Give the core of a thread to the next one that waits."""
        core = place.core
        assert core is not None
        if core.waiting:
            _, turn = core.waiting.popleft()
            turn.succeed(core)
            return
        for other in self.cores:
            if other.waiting and self.env.now - other.waiting[0][0] >= _CACHED_SECONDS:
                _, turn = other.waiting.popleft()
                turn.succeed(core)
                return
        core.is_idle = True

    def work(self, cpu_us: float, place: Place) -> Steps:
        """Take a core for so much work of a thread that does nothing else."""
        yield from self.take(place)
        yield from self.use(cpu_us)
        self.release(place)

    def use(self, cpu_us: float) -> Steps:
        """Work on a core that the caller has."""
        seconds = cpu_us * _US * self._stretch
        yield self.env.timeout(seconds)
        self.busy_seconds += seconds


class Interpreter:
    """A Python process: one of its threads works at a time, on a core of the machine.

    Without a ``machine``, it has one of its own, with more cores than threads.
    """

    def __init__(self, env: simpy.Environment, machine: Machine | None) -> None:
        self.env = env
        self.machine = machine
        self.lock = simpy.Resource(env, capacity=1)
        self.busy_seconds = 0.0

    def thread(self) -> "Thread":
        """Return a thread of the process."""
        return Thread(self)


class Thread:
    """A thread of a Python process, which does what it is given piece by piece.

    While it has more to do, it keeps Python's lock and its core, as long as Python and Linux let it. So what others do
    for the same run waits for all that this thread has to do, and not for one piece of it.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self._env = interpreter.env
        self._interpreter = interpreter
        self._pieces: deque[tuple[float, simpy.Event]] = deque()
        self._place = Place()
        # That of the process of the database that works for this thread, if it has one.
        self.backend = Place()
        self._is_awake = False

    @property
    def is_asleep(self) -> bool:
        """Whether the thread has nothing to do."""
        return not self._is_awake

    def work(self, cpu_us: float) -> Steps:
        """Have the thread do so much work, and wait until it is done."""
        done = self._env.event()
        self._pieces.append((cpu_us, done))
        if not self._is_awake:
            self._is_awake = True
            self._env.process(self._work_on())
        yield done

    def _work_on(self) -> Steps:
        interpreter = self._interpreter
        while self._pieces:
            with interpreter.lock.request() as turn:
                yield turn
                begun = self._env.now
                if interpreter.machine is None:
                    yield from self._use_turn(None, None)
                else:
                    yield from interpreter.machine.take(self._place)
                    yield from self._use_turn(interpreter.machine, self._place.core)
                    interpreter.machine.release(self._place)
                interpreter.busy_seconds += self._env.now - begun
        self._is_awake = False

    def _use_turn(self, machine: Machine | None, core: Core | None) -> Steps:
        """Do what there is to do until others have waited for long enough."""
        begun = self._env.now
        while self._pieces:
            cpu_us, done = self._pieces.popleft()
            if machine is None:
                yield self._env.timeout(cpu_us * _US)
            else:
                yield from machine.use(cpu_us)
            done.succeed()
            # What follows from it may be more work of this thread.
            yield self._env.timeout(0)
            since = self._env.now - begun
            if self._interpreter.lock.queue and since >= _SWITCH_SECONDS:
                return
            if core is not None and core.waiting and since >= _SLICE_SECONDS:
                return
