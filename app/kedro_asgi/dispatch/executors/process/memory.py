"""How much memory a process holds, with the processes that it started."""

import os
from contextlib import suppress
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def private_bytes(pid: int) -> int:
    """Return the memory in use that is no file's and shared with no process; 0 if the process has ended.

    Files that are mapped into memory, such as artifacts that several processes share, do not count.
    """
    return sum(_private_bytes(found) for found in (pid, *_descendants(pid)))


def _private_bytes(pid: int) -> int:
    with suppress(OSError):
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(resident) - int(shared)) * _PAGE_BYTES
    return 0


def _descendants(pid: int) -> list[int]:
    children: list[int] = []
    # A thread or a process may end while this looks, and not every Linux lists children.
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                children += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return children + [found for child in children for found in _descendants(child)]
