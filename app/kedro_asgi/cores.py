"""How many cores this process may use."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")


def available_cores(root: Path = _ROOT) -> int:
    """Return how many cores this process may use: those that it is bound to, or fewer if a container has a limit.

    A part of a core counts as a whole one. ``root`` is the folder that holds ``proc`` and ``sys``.
    """
    limits = [math.ceil(limit) for limit in _limits(root)]
    return max(1, min([_bound_cores(), *limits]))


def _bound_cores() -> int:
    # From Python 3.13 on, a user may set another number for the interpreter.
    count = getattr(os, "process_cpu_count", None)
    if count is not None:
        return count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limits(root: Path) -> Iterator[float]:
    """Yield the limits of CPU time, in cores, of the control groups of this process and of those around them."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _group_limits(root / "sys/fs/cgroup", path)
        elif "cpu" in controllers.split(","):
            yield from _group_limits(root / "sys/fs/cgroup/cpu", path)


def _group_limits(mounted: Path, path: str) -> Iterator[float]:
    # In a container, the path may be that of the host, and only the mounted root is there.
    group = mounted / path.strip("/")
    for folder in (group, *(parent for parent in group.parents if parent.is_relative_to(mounted))):
        quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
        # No limit is "max", or -1 in the older form.
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) / int(period)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


CORES = available_cores()
"""The cores of this process when it began: an event loop may ask for them, and must not read files."""
