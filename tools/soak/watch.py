"""The memory and the handles of the processes over time, and whether they grow.

A sample is the sum over the supervisor or the workers, or the mean of the processes of runs, which come and go with the
load. The growth over a series is the median of the slopes between all pairs of its samples (Theil and Sen), times its
length: a moment of heavy load does not count. It may be a tenth of the median sample, or a fixed amount where that is
more.
"""

import time
from collections import Counter, defaultdict
from itertools import combinations
from statistics import median

import anyio
import anyio.to_thread
import msgspec

from soak.processes import Measure, Role, is_zombie, measure, tree_of
from soak.server import SoakedServer

MEBIBYTE = 2**20
_PERIOD_SECONDS = 1.0
_MOST_SAMPLES = 400
_RELATIVE = 0.1
# Also where the relative bound is less. A worker has up to four processes for runs, each with six files and a thread.
_ALLOWED = {"files": 56, "threads": 12, "children": 10}
# A server that has just been started opens its connections, so within twelve seconds it may grow by five times as much.
# Memory warms up, so it may grow by this much within a minute, and by half as much within two.
_WARMING_BYTES = 128 * MEBIBYTE
_WARMING_SECONDS = 60.0
_ROLES: tuple[Role, ...] = ("supervisor", "worker", "run process")


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How much more the processes of a role held at the end than at the beginning."""

    role: Role
    what: str
    median: float
    growth: float
    allowed: float

    @property
    def is_flat(self) -> bool:
        """Whether it grew within the bound."""
        return self.growth <= self.allowed


class Watch:
    """Samples the processes of a server while it is not disturbed."""

    def __init__(self, server: SoakedServer) -> None:
        self._server = server
        self._samples: dict[tuple[Role, str], list[tuple[float, float]]] = defaultdict(list)

    async def sample_until(self, stop: anyio.Event) -> None:
        """Take samples until the block of ``stop`` ends."""
        while not stop.is_set():
            sums = await anyio.to_thread.run_sync(_sums, self._server.pid)
            for key, value in sums.items():
                self._samples[key].append((time.monotonic(), value))
            with anyio.move_on_after(_PERIOD_SECONDS):
                await stop.wait()

    def growths(self) -> list[Growth]:
        """Return the growths over the second half of the samples."""
        return [_growth(role, what, samples) for (role, what), samples in self._samples.items() if len(samples) > 8]


def zombies(server: SoakedServer) -> list[int]:
    """Return the processes of a server that have ended and that their parents leave there."""
    return [pid for pid in tree_of(server.pid) if is_zombie(pid)]


def _sums(supervisor: int) -> dict[tuple[Role, str], float]:
    sums: dict[tuple[Role, str], float] = defaultdict(float)
    counts: Counter[Role] = Counter()
    for pid, role in tree_of(supervisor).items():
        found = measure(pid) if role in _ROLES else None
        if found is not None:
            counts[role] += 1
            for what in Measure.__struct_fields__:
                sums[role, what] += getattr(found, what)
    return {(role, what): value / _parts(role, counts) for (role, what), value in sums.items()}


def _parts(role: Role, counts: Counter[Role]) -> int:
    return counts[role] if role == "run process" else 1


def _growth(role: Role, what: str, samples: list[tuple[float, float]]) -> Growth:
    half = samples[len(samples) // 2 :]
    half = half[:: len(half) // _MOST_SAMPLES + 1]
    seconds = half[-1][0] - half[0][0]
    slopes = [(later - value) / (then - at) for (at, value), (then, later) in combinations(half, 2)]
    middle = median(value for _, value in half)
    allowed = max(_allowed(what, seconds), middle * _RELATIVE)
    return Growth(role=role, what=what, median=middle, growth=median(slopes) * seconds, allowed=allowed)


def _allowed(what: str, seconds: float) -> float:
    if what == "pss_bytes":
        return _WARMING_BYTES * min(1.0, _WARMING_SECONDS / seconds)
    return _ALLOWED[what] * max(1.0, _WARMING_SECONDS / seconds)
