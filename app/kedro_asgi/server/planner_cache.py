"""Values that are compiled from what a session has read of its project."""

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.outcome import Outcome
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.plan import Planner

S = TypeVar("S")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Kept(msgspec.Struct, Generic[S, K, V], frozen=True, eq=False):
    planner: "Planner"
    source: S
    values: BoundedCache[K, V]


class PlannerCache(Generic[S, K, V]):
    """Keeps the latest ``size`` values by key, until a reload brings the session another planner.

    Values are compiled from a source, which ``begin`` makes once of a planner. One thread compiles at a time: many
    callers ask at once after a reload, and the others wait for what it compiles. No error is kept, nor a value for
    which ``is_kept`` is false.
    """

    def __init__(
        self,
        session: AsyncSession,
        begin: Callable[["Planner"], S],
        *,
        size: int,
        is_kept: Callable[["Planner", K], bool] = lambda planner, key: True,
    ) -> None:
        self._session = session
        self._begin = begin
        self._size = size
        self._is_kept = is_kept
        self._lock = threading.Lock()
        self._kept: _Kept[S, K, V] | None = None

    def known(self, key: K) -> V | None:
        """Return the value that is kept for runs that begin now; takes no lock."""
        session, kept = self._session.prepared, self._kept
        if session is None or kept is None or kept.planner is not session.engine.planner:
            return None
        return kept.values.get(key)

    async def find(self, key: K | None, compile_value: Callable[[S], V]) -> Outcome[V]:
        """Return the value that is kept, or the one that a thread compiles; raises nothing but cancellation.

        A value without a key, and ``None`` as a value, are not kept.
        """
        known = None if key is None else self.known(key)
        if known is not None:
            return Outcome(result=known)
        return await self._session.in_free_thread(
            lambda session: self.compile(session.engine.planner, key, compile_value)
        )

    def compile(self, planner: "Planner", key: K | None, compile_value: Callable[[S], V]) -> V:
        """Do what `find` does, in this thread; raises what ``begin`` and ``compile_value`` raise."""
        with self._lock:
            kept = self._current(planner)
            known = None if key is None else kept.values.get(key)
            if known is not None:
                return known
            value = compile_value(kept.source)
            if key is None or value is None or not self._is_kept(planner, key):
                return value
            return kept.values.add(key, value)

    def _current(self, planner: "Planner") -> _Kept[S, K, V]:
        kept = self._kept
        if kept is None or kept.planner is not planner:
            kept = self._kept = _Kept(planner, self._begin(planner), BoundedCache(self._size))
        return kept
