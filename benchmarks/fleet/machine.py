"""Cores, Python processes, and the threads that take turns on both."""

from collections import deque
from collections.abc import Generator
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, None]

_US = 1e-6
# How long a thread keeps its core, and Python's lock, while others wait for them and it has more to do: as Linux
# (``base_slice_ns`` of a machine with few cores) and Python (``sys.getswitchinterval``) have it.
_SLICE_SECONDS = 0.003
_SWITCH_SECONDS = 0.005


class Machine:
    """So many cores; ``busy_cores`` of them do other work, which slows all work down evenly."""

    def __init__(self, env: simpy.Environment, *, cores: float, busy_cores: float = 0.0) -> None:
        whole = self.cores = max(round(cores), 1)
        self.env = env
        self.free = simpy.Resource(env, capacity=whole)
        self._stretch = whole / max(cores - busy_cores, 0.01)
        self.busy_seconds = 0.0

    def work(self, cpu_us: float) -> Steps:
        """Take a core for so much work of a thread that does nothing else."""
        with self.free.request() as core:
            yield core
            yield from self.use(cpu_us)

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
        self._is_awake = False

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
                    yield from self._use_turn(None)
                else:
                    with interpreter.machine.free.request() as core:
                        yield core
                        yield from self._use_turn(interpreter.machine)
                interpreter.busy_seconds += self._env.now - begun
        self._is_awake = False

    def _use_turn(self, machine: Machine | None) -> Steps:
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
            if machine is not None and machine.free.queue and since >= _SLICE_SECONDS:
                return
