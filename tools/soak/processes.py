"""The processes of a server, as Linux tells of them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

Role = Literal["supervisor", "worker", "run process", "tracker"]


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """The resources of a process: its part of memory without files, open files, threads and children."""

    pss_bytes: int
    files: int
    threads: int
    children: int


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that have not been reaped; none if it has gone."""
    with suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return []


def tree_of(supervisor: int) -> dict[int, Role]:
    """Return the roles of all processes of a server."""
    roles: dict[int, Role] = {supervisor: "supervisor"}
    for worker in children_of(supervisor):
        roles[worker] = "tracker" if _is_tracker(worker) else "worker"
        for child in children_of(worker):
            roles[child] = "tracker" if _is_tracker(child) else "run process"
    return roles


def measure(pid: int) -> Measure | None:
    """Measure a process; ``None`` if it has gone."""
    with suppress(OSError, StopIteration):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        # Not that of files: it grows in all processes that share a library when one of them ends.
        pss = next(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss_Anon:"))
        files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        threads = sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
        return Measure(pss_bytes=pss, files=files, threads=threads, children=len(children_of(pid)))
    return None


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and nothing has reaped it."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def marked_processes(mark: str) -> Iterator[int]:
    """Yield the processes whose environment holds ``mark``, whatever became of the process that started them."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if mark.encode() in (folder / "environ").read_bytes():
                    yield int(folder.name)


def _is_tracker(pid: int) -> bool:
    with suppress(OSError):
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
