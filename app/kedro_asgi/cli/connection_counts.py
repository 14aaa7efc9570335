"""How many connections each server process on a port has open."""

from collections.abc import Collection
from multiprocessing import get_context

# Indexes beyond the number of processes are for those that replace others.
_SIZE = 256
_FREE = -1


class ConnectionCounts:
    """One count for each process, in memory that the processes of a supervisor share; each writes only its own.

    A reader may see a count that has just changed: it is a hint.
    """

    def __init__(self) -> None:
        self._counts = get_context("spawn").RawArray("l", [_FREE] * _SIZE)

    def reserve(self, used: Collection[int]) -> int:
        """Return an index that is not in use, and forget the counts of processes that have ended."""
        free = [index for index in range(_SIZE) if index not in used]
        for index in free:
            self._counts[index] = _FREE
        # With more processes than indexes, some share the last one, which costs them an even share.
        return free[0] if free else _SIZE - 1

    def publish(self, index: int, count: int) -> None:
        """Tell the other processes how many connections this one has."""
        self._counts[index] = count

    def withdraw(self, index: int) -> None:
        """Tell the other processes that this one takes no more connections."""
        self._counts[index] = _FREE

    def is_any_below(self, count: int) -> bool:
        """Tell whether a process that takes connections has fewer."""
        return any(_FREE < found < count for found in self._counts)
