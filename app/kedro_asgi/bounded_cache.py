"""A cache with an upper bound, for keys that callers choose."""

import threading
from typing import TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class BoundedCache(dict[_K, _V]):
    """Keeps the latest ``size`` values; adding one more drops the oldest. Thread-safe, and reads take no lock."""

    __slots__ = ("_lock", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type, tuple[int]]:
        """Copies, also in other processes, begin empty."""
        return type(self), (self._size,)

    def add(self, key: _K, value: _V) -> _V:
        """Return the value that is kept: ``value``, or the one that another thread added first."""
        with self._lock:
            kept = self.setdefault(key, value)
            if len(self) > self._size:
                del self[next(iter(self))]
            return kept
