"""The promises of the server to its callers, and the disturbances meanwhile."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from soak.orders import Order

DisturbanceKind = Literal[
    "run process killed",
    "worker killed",
    "supervisor killed",
    "server killed",
    "server terminated",
    "workers replaced",
    "process paused",
    "database stopped",
    "database killed",
]
# Clocks of processes and of the database's records agree, but a kill is noted a moment before and after it.
_SLACK = timedelta(seconds=2)
_ENDS_OF_WORKERS: frozenset[DisturbanceKind] = frozenset(
    ("worker killed", "server killed", "supervisor killed", "server terminated", "workers replaced")
)
_LOST_STORES: frozenset[DisturbanceKind] = frozenset(("database stopped", "database killed"))
# The events that disturbances explain: ends of runs that differ from those of their pipelines, and others.
_EXCUSES: dict[str, frozenset[DisturbanceKind]] = {
    # A server that is told to end does so in time, also if its disk is too slow for the ends of its runs. A worker that
    # is paused, or that a restarted database does not see in time, counts as dead.
    "RunInterruptedError": _ENDS_OF_WORKERS | _LOST_STORES | {"process paused"},
    "RunCrashedError": frozenset(("run process killed", "server killed")),
    # Workers end by themselves when their supervisor has gone; a server is killed one process after another.
    "RunCancelledError": frozenset(("server terminated", "server killed", "supervisor killed", "workers replaced")),
    "a stream broke off": _ENDS_OF_WORKERS,
    "a stream ended with a problem": _ENDS_OF_WORKERS | _LOST_STORES | {"process paused"},
    # The server writes the end of a run of /run a moment later, and gives it up if its store fails.
    "a run of /run has no record": _ENDS_OF_WORKERS | _LOST_STORES,
    # The server tells again if it did not store that the receiver has answered.
    "a notification came again": _ENDS_OF_WORKERS | _LOST_STORES | {"process paused"},
}


class Disturbance(msgspec.Struct, kw_only=True):
    """Something that the soak did to the server; ``ended_at`` is when the server was ready again."""

    kind: DisturbanceKind
    began_at: datetime
    ended_at: datetime | None = None


class Promise(msgspec.Struct, kw_only=True):
    """A run that a caller asked for by ``POST /runs``.

    ``run_ids`` are those that the server answered with; without any, the caller has hung up before the answer, and the
    run may exist or not. ``reruns`` are runs that repeat it by order of the caller.
    """

    order: Order
    key: str
    run_ids: set[str] = msgspec.field(default_factory=set)
    reruns: set[str] = msgspec.field(default_factory=set)
    is_cancelled: bool = False


class Streamed(msgspec.Struct, kw_only=True):
    """A run whose chunks a caller asked for, and when it did; `ended_at` is when it had read all, or hung up."""

    order: Order
    began_at: datetime
    ended_at: datetime | None = None
    is_cancelled: bool = False


class Ledger:
    """Belongs to the event loop of the callers."""

    def __init__(self) -> None:
        self.promises: dict[int, Promise] = {}
        self.direct: dict[int, Order] = {}
        self.streamed: dict[str, Streamed] = {}
        self.disturbances: list[Disturbance] = []
        self.faults: list[str] = []
        self.counts: Counter[str] = Counter()
        self._numbers = 0

    def next_number(self) -> int:
        """Return a number that no other request has."""
        self._numbers += 1
        return self._numbers

    def promise(self, order: Order, key: str) -> Promise:
        """Note that a caller asks for a run."""
        self.promises[order.number] = promise = Promise(order=order, key=key)
        return promise

    def note_direct(self, order: Order) -> None:
        """Note a request that no record has to survive."""
        self.direct[order.number] = order

    def fault(self, text: str) -> None:
        """Note that the server did something that it must not do."""
        self.faults.append(f"{datetime.now(UTC):%H:%M:%S} {text}")

    @contextmanager
    def disturbed(self, kind: DisturbanceKind) -> Iterator[None]:
        """Note a disturbance, and that the server is ready again at the end of the block."""
        disturbance = Disturbance(kind=kind, began_at=datetime.now(UTC))
        self.disturbances.append(disturbance)
        try:
            yield
        finally:
            disturbance.ended_at = datetime.now(UTC)

    def is_excused(self, what: str, *, began_at: datetime, ended_at: datetime) -> bool:
        """Whether a disturbance within that time explains that a run ended with an error, or something else."""
        kinds = _EXCUSES.get(what, frozenset())
        return any(
            found.kind in kinds
            and found.began_at <= ended_at + _SLACK
            and began_at - _SLACK <= (found.ended_at or datetime.now(UTC))
            for found in self.disturbances
        )
