"""What the processes hold over time, and whether that grows.

A sample is the sum over all processes of a role. The growth over a series is the median of the slopes between all pairs
of its samples (Theil and Sen), times its length: a moment of heavy load does not count. It may be a tenth of the median
sample, or a fixed amount where that is more.
"""

import time
from collections import defaultdict
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
# Also where the relative bound is less: after its start, a worker warms up by some 20 MiB.
_ALLOWED = {"pss_bytes": 48 * MEBIBYTE, "files": 12, "threads": 6, "children": 2}
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
    for pid, role in tree_of(supervisor).items():
        found = measure(pid) if role in _ROLES else None
        if found is not None:
            for what in Measure.__struct_fields__:
                sums[role, what] += getattr(found, what)
    return sums


def _growth(role: Role, what: str, samples: list[tuple[float, float]]) -> Growth:
    half = samples[len(samples) // 2 :]
    half = half[:: len(half) // _MOST_SAMPLES + 1]
    slopes = [(later - value) / (then - at) for (at, value), (then, later) in combinations(half, 2)]
    middle = median(value for _, value in half)
    growth = median(slopes) * (half[-1][0] - half[0][0])
    return Growth(role=role, what=what, median=middle, growth=growth, allowed=max(_ALLOWED[what], middle * _RELATIVE))
