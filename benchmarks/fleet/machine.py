"""Cores and Python processes that work takes turns on."""

from collections.abc import Generator
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, None]

_US = 1e-6


class Machine:
    """So many cores; ``busy_cores`` of them do other work, which slows all work down evenly."""

    def __init__(self, env: simpy.Environment, *, cores: float, busy_cores: float = 0.0) -> None:
        whole = self.cores = max(round(cores), 1)
        self._env = env
        self._cores = simpy.Resource(env, capacity=whole)
        self._stretch = whole / max(cores - busy_cores, 0.01)
        self.busy_seconds = 0.0

    def work(self, cpu_us: float) -> Steps:
        """Take a core for so much work."""
        with self._cores.request() as core:
            yield core
            seconds = cpu_us * _US * self._stretch
            yield self._env.timeout(seconds)
            self.busy_seconds += seconds


class Interpreter:
    """A Python process: one of its threads works at a time, on a core of the machine."""

    def __init__(self, env: simpy.Environment, machine: Machine | None) -> None:
        self._env = env
        self._machine = machine
        self._lock = simpy.Resource(env, capacity=1)
        self.busy_seconds = 0.0

    def work(self, cpu_us: float) -> Steps:
        """Have one of the threads do so much work; without a machine, there is always a free core."""
        with self._lock.request() as turn:
            yield turn
            begun = self._env.now
            if self._machine is None:
                yield self._env.timeout(cpu_us * _US)
            else:
                yield from self._machine.work(cpu_us)
            self.busy_seconds += self._env.now - begun
