"""A cache with an upper bound, for keys that callers choose."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class BoundedCache(Generic[_K, _V]):
    """Keeps the latest ``size`` values; adding one more drops the oldest. Thread-safe, and reads take no lock."""

    __slots__ = ("_lock", "_size", "_values")

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[_K, _V] = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, key: _K) -> _V:
        return self._values[key]

    def get(self, key: _K) -> _V | None:
        """Return the value of ``key``, or ``None`` where there is none."""
        return self._values.get(key)

    def add(self, key: _K, value: _V) -> _V:
        """Return the value that is kept: ``value``, or the one that another thread added first."""
        with self._lock:
            kept = self._values.setdefault(key, value)
            if len(self._values) > self._size:
                self._values.popitem(last=False)
            return kept
