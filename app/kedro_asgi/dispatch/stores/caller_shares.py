"""Which of the runs in the queue are next, where each caller gets its share of the slots of all workers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush

from kedro_asgi.dispatch.stores.base import RunWrite
from kedro_asgi.dispatch.stores.connection import SqlConnection

_IS_DUE = "owner IS NULL AND status = 'queued' AND (due_at IS NULL OR due_at <= ?)"
# The runs of unknown callers have one share together.
_CALLERS = (
    "SELECT caller, count(owner), count(due), min(due) "
    f"FROM (SELECT caller, owner, CASE WHEN {_IS_DUE} THEN run_id END AS due FROM runs WHERE ended_at IS NULL) AS runs "
    "GROUP BY caller"
)
_OLDEST = f"SELECT run_id FROM runs WHERE ended_at IS NULL AND {_IS_DUE} AND {{caller}} ORDER BY run_id LIMIT ?"
_SET_CALLER = "UPDATE runs SET caller = ? WHERE run_id = ?"

# A caller, how many of its runs workers have, how many are due, and the oldest of those.
Demand = tuple[str | None, int, int, str]


def next_runs(connection: SqlConnection, *, limit: int, now_ms: int) -> list[str]:
    """Return the runs that a worker claims next, at most ``limit``."""
    found = connection.execute(_CALLERS, (now_ms,)).fetchall()
    demands = [(caller, int(owned), int(due), oldest) for caller, owned, due, oldest in found if due]
    return [
        run_id
        for caller, count in Counter(callers_in_turn(demands, limit)).items()
        for run_id in _oldest(connection, caller, count, now_ms)
    ]


def callers_in_turn(demands: Iterable[Demand], slots: int) -> Iterator[str | None]:
    """Yield the caller that gets each slot: the one with the fewest runs; of several, the one that waits longest."""
    # No two have the same oldest run, so the rest is never compared.
    heap = [(owned, oldest, due, caller) for caller, owned, due, oldest in demands]
    heapify(heap)
    for _ in range(slots):
        if not heap:
            return
        owned, oldest, due, caller = heappop(heap)
        yield caller
        if due > 1:
            heappush(heap, (owned + 1, oldest, due - 1, caller))


def _oldest(connection: SqlConnection, caller: str | None, count: int, now_ms: int) -> list[str]:
    is_callers, values = ("caller IS NULL", ()) if caller is None else ("caller = ?", (caller,))
    rows = connection.execute(_OLDEST.format(caller=is_callers), (now_ms, *values, count)).fetchall()
    return [row[0] for row in rows]


def set_callers(connection: SqlConnection, writes: Sequence[RunWrite]) -> None:
    """Store the callers of new runs, where they are to have shares."""
    callers = [(write.caller, write.record.run_id) for write in writes if write.caller is not None]
    if callers:
        connection.executemany(_SET_CALLER, callers)
