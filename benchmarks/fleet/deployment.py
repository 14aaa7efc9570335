"""Where servers, workers and databases run, and what they are asked for."""

from fleet.costs import Value

# The share of a day's runs that comes in each hour: a night, a morning peak and an afternoon.
_HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 10, 9, 7, 6, 5, 7, 8, 7, 6, 5, 4, 3, 2, 2, 1, 1)
_DAY_SECONDS = 86_400


class Workload(Value):
    """A day's runs and their followers; ``minute_share`` of the runs are scheduled at full minutes.

    Where a caller ``waits_for_ends``, the server answers when the run has ended, and not when it is promised.
    """

    runs_a_day: float
    run_seconds: float = 1.0
    followers: int = 0
    minute_share: float = 0.05
    waits_for_ends: bool = False

    @property
    def mean_per_second(self) -> float:
        """How many runs come a second, over the day."""
        return self.runs_a_day / _DAY_SECONDS

    @property
    def peak_per_second(self) -> float:
        """How many runs come a second in the busiest hour."""
        return self.mean_per_second * max(_HOURS) * len(_HOURS) / sum(_HOURS)

    def per_second(self, hour: int) -> float:
        """How many runs come a second in an hour of the day."""
        return self.mean_per_second * _HOURS[hour] * len(_HOURS) / sum(_HOURS)


# A transaction waits once while it has the write lock: its updates tell which runs are still this server's, and only
# then come their events and the commit. Another half of a round trip is before, and one after.
LOCKED_ROUND_TRIPS = 1


class Deployment(Value):
    """Servers over one or several databases; each database has the runs of some projects.

    ``replicas`` take requests and, where there are no ``workers``, execute the runs; each has ``slots`` and a machine
    of its own, unless ``is_one_machine`` puts all of it on ``database_cores``. ``network_us`` is a round trip to the
    database. ``busy_cores`` are those of the database's machine that other programs take. With Dask ``schedulers``, the
    runs of each database are executed on a cluster, which has as many threads as there are slots.

    ``look_seconds`` and ``orphan_seconds`` are the pauses between two looks. ``is_notified`` has each transaction tell
    all servers; runs without a slot then wait in the database, where any server claims them, with ``claimed_ahead``
    more than it has slots. ``statements_a_step`` trades exactness for the time that a simulation takes.
    """

    replicas: int
    workers: int = 0
    slots: int = 6
    schedulers: int = 0
    databases: int = 1
    database_cores: float = 8.0
    network_us: float = 200.0
    is_one_machine: bool = False
    busy_cores: float = 0.0
    look_seconds: float = 0.25
    orphan_seconds: float = 1.0
    feed_seconds: float = 0.125
    is_notified: bool = False
    statements_a_step: int = 8
    connections_a_server: int = 6
    claimed_ahead: int = 0

    @property
    def servers(self) -> int:
        """How many processes use a database."""
        return -(-(self.replicas + self.workers) // self.databases)

    @property
    def executing(self) -> int:
        """How many processes of a database execute runs."""
        return -(-(self.workers or self.replicas) // self.databases)

    @property
    def connections(self) -> int:
        """How many connections a database has."""
        return self.servers * self.connections_a_server
