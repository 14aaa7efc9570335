"""How workers know which other workers are alive."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

# A ``missing`` worker has no lock now; it may be dead, or about to take its lost lock again.
WorkerStatus = Literal["alive", "missing", "dead"]

# A worker takes a lost lock again at its next look for orphans, about a second later.
_MISSES_UNTIL_DEAD = 4


class WorkerLock(Protocol):
    """The lock that a worker holds while it lives; the system frees it when the process ends, however it ends.

    ``is_kept_in_outages`` tells whether a living worker has its lock at any time, also after an outage of the database.
    """

    is_kept_in_outages: bool

    def acquire(self, worker: str) -> None:
        """Take the lock of ``worker``, which is this process."""

    def renew(self) -> None:
        """Take the lock again if it was lost."""

    def release(self) -> None:
        """Free the lock; without a lock this does nothing."""

    def statuses_of(self, workers: Sequence[str], connection: Any) -> dict[str, WorkerStatus]:
        """Look at the locks of other workers, through a connection of the store."""


class SingleWorker:
    """The `WorkerLock` of a store that only one process uses: nothing is locked, and every other worker is dead."""

    is_kept_in_outages = True

    def acquire(self, worker: str) -> None: ...
    def renew(self) -> None: ...
    def release(self) -> None: ...
    def statuses_of(self, workers: Sequence[str], connection: Any) -> dict[str, WorkerStatus]:
        return dict.fromkeys(workers, "dead")


class FailureDetector:
    """Decides which missing workers are dead.

    A worker that goes missing is dead after several looks in a row, so it has time to renew its lock. Where the first
    look decides, a worker that is missing then is dead, so a restarted server adopts its runs at once. It must not
    decide where an outage takes the locks of the living: a worker that starts may look before they have them.
    """

    def __init__(self, *, first_look_decides: bool) -> None:
        self._misses: dict[str, int] = {}
        self._misses_until_dead = 1 if first_look_decides else _MISSES_UNTIL_DEAD

    def dead_workers(self, statuses: Mapping[str, WorkerStatus]) -> list[str]:
        """Record one look at all workers with unended runs, and return the dead ones."""
        missing = [worker for worker, status in statuses.items() if status == "missing"]
        self._misses = {worker: self._misses.get(worker, 0) + 1 for worker in missing}
        needed, self._misses_until_dead = self._misses_until_dead, _MISSES_UNTIL_DEAD
        return [
            worker for worker, status in statuses.items() if status == "dead" or self._misses.get(worker, 0) >= needed
        ]
