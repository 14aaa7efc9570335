"""What each step of a run costs, as measured on one machine. Times are microseconds of CPU time unless they say so."""

from pathlib import Path

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A struct of numbers."""


class StatementCost(Value):
    """The cost of a part of a transaction: in the server that sends it, in the database, and without any CPU time.

    ``waits`` counts round trips, which a network makes longer.
    """

    client_us: float = 0.0
    database_us: float = 0.0
    wait_us: float = 0.0
    wal_bytes: float = 0.0

    def times(self, factor: float) -> "StatementCost":
        """Return the cost of so many."""
        return StatementCost(
            client_us=factor * self.client_us,
            database_us=factor * self.database_us,
            wait_us=factor * self.wait_us,
            wal_bytes=factor * self.wal_bytes,
        )

    @property
    def wall_us(self) -> float:
        """How long it takes where nothing else happens."""
        return self.client_us + self.database_us + self.wait_us


class GroupCost(Value):
    """The cost of a transaction: that of any, and that of each run in it."""

    fixed: StatementCost
    row: StatementCost


class StoreCosts(Value):
    """The transactions of a run: its promise, its start and its end.

    ``waits_us`` are quantiles of the time without CPU time that a transaction of one run takes, mostly for the disk.
    """

    promise: GroupCost
    start: GroupCost
    end: GroupCost
    waits_us: tuple[float, ...] = ()


class ServerCosts(Value):
    """What a run costs a server beside its transactions, and what each transaction adds.

    ``loop_us`` is the event loop's part, ``run_us`` that of the thread that runs two nodes, ``writer_us`` that of the
    writer thread without the database's driver, ``load_us`` that of the caller. A transaction wakes the threads, so
    many runs in one cost less. ``wake_us`` is what a transaction costs each other server, which it wakes.
    ``loop_alone_us`` and ``load_alone_us`` are what a request costs more that comes alone and wakes the thread: callers
    that are answered together send their next requests together. ``database_us`` and ``database_transaction_us`` are
    all that PostgreSQL does meanwhile: more than the same transactions alone, since caches are colder and servers read,
    too. Each ``collection_runs`` runs, Python looks for garbage among all objects, and no thread goes on for
    ``collection_us``; 0 where that was not seen.
    """

    loop_us: float
    run_us: float
    writer_us: float
    load_us: float
    loop_transaction_us: float = 0.0
    run_transaction_us: float = 0.0
    writer_transaction_us: float = 0.0
    wake_us: float = 0.0
    database_us: float = 0.0
    database_transaction_us: float = 0.0
    loop_alone_us: float = 0.0
    load_alone_us: float = 0.0
    collection_us: float = 0.0
    collection_runs: float = 0.0


def under_load(store: StoreCosts, server: ServerCosts) -> StoreCosts:
    """Return the transactions with the CPU time that the database takes for them beside busy servers."""
    groups = {name: getattr(store, name) for name in ("promise", "start", "end")}
    row_us = sum(group.row.database_us for group in groups.values())
    fixed_us = sum(group.fixed.database_us for group in groups.values()) / len(groups)
    return msgspec.structs.replace(
        store,
        **{
            name: GroupCost(
                fixed=_slower(group.fixed, server.database_transaction_us / fixed_us),
                row=_slower(group.row, server.database_us / row_us),
            )
            for name, group in groups.items()
        },
    )


def _slower(cost: StatementCost, factor: float) -> StatementCost:
    return msgspec.structs.replace(cost, database_us=factor * cost.database_us)


class LookCosts(Value):
    """What a server asks the database for again and again, while nothing happens."""

    cancel: StatementCost
    orphans: StatementCost
    owner: StatementCost
    """What each other server with running runs adds to a look for orphans."""
    renewal: StatementCost = StatementCost()
    """A look for orphans that is left to other servers: it only tells that this one lives."""


class FeedCosts(Value):
    """Reading events back: a look that finds none, and what each batch adds to one."""

    look: StatementCost
    batch: StatementCost


class FollowerCosts(Value):
    """What followers cost a server: CPU time for each event and follower, and memory; and the events of a run."""

    deliver_us: float
    follower_kib: float
    run_events: float
    event_bytes: float


class NotifyCosts(Value):
    """A notification, and what each listening connection adds to it."""

    fixed_us: float
    listener_us: float


class DaskCosts(Value):
    """A run on a cluster of Dask: what its server has more to do than with threads, and the parts of the cluster."""

    client_us: float
    scheduler_us: float
    worker_us: float


class Costs(Value):
    """All costs, and the machine that they were measured on."""

    machine: str
    sqlite: StoreCosts
    postgres: StoreCosts
    server: ServerCosts
    look: LookCosts
    feed: FeedCosts
    follower: FollowerCosts
    notify: NotifyCosts
    dask: DaskCosts | None = None
    connection_mib: float = 0.0
    run_bytes: float = 0.0
    """What a run takes in the database, with its indexes."""


def read_costs(file: Path) -> Costs:
    """Read costs; raises ``msgspec.ValidationError`` for a file of another form."""
    return msgspec.json.decode(file.read_bytes(), type=Costs)


def write_costs(file: Path, costs: Costs) -> None:
    """Write costs, with as many digits as mean something."""
    rounded = _rounded(msgspec.to_builtins(costs))
    file.write_bytes(msgspec.json.format(msgspec.json.encode(rounded), indent=2) + b"\n")


def _rounded(tree: object) -> object:
    match tree:
        case dict():
            return {key: _rounded(value) for key, value in tree.items()}
        case list() | tuple():
            return [_rounded(value) for value in tree]
        case float():
            return float(f"{tree:.3g}")
    return tree
