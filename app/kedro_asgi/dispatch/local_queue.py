"""The runs that wait in a worker, and the limits for them."""

from collections import OrderedDict
from collections.abc import Iterator

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.errors import QueueFullError


class WaitingRuns:
    """Runs that wait in one place, the first ones first. ``order_bytes`` is the memory that their orders take."""

    def __init__(self) -> None:
        self.order_bytes = 0
        # The size of each order as it was counted: an order goes when its run begins.
        self._sizes: OrderedDict[ActiveRun, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[ActiveRun]:
        return iter(self._sizes)

    @property
    def first(self) -> ActiveRun | None:
        """The run whose turn is next."""
        return next(iter(self._sizes), None)

    def add(self, run: ActiveRun) -> None:
        """Have a run wait here, behind all others."""
        self._sizes[run] = run.order_bytes
        self.order_bytes += run.order_bytes

    def add_first(self, run: ActiveRun) -> None:
        """Have a run wait here, before all others."""
        self.add(run)
        self._sizes.move_to_end(run, last=False)

    def add_by_age(self, run: ActiveRun) -> None:
        """Have a run wait here, before all that are younger."""
        self.add(run)
        for other in [other for other in self._sizes if other.record.created_at > run.record.created_at]:
            self._sizes.move_to_end(other)

    def discard(self, run: ActiveRun) -> bool:
        """Remove a run; returns whether it waited here."""
        size = self._sizes.pop(run, None)
        self.order_bytes -= size or 0
        return size is not None


class LocalQueue:
    """All runs that wait in this worker. Belongs to one event loop.

    ``queued`` wait for a slot, ``reserved`` are not on disk yet and have a place behind those, ``between_attempts``
    wait for the time of their next attempt, and ``gathering`` for others that can be executed with them.
    """

    def __init__(self, policy: Policy) -> None:
        self.queued, self.reserved = WaitingRuns(), WaitingRuns()
        self.between_attempts, self.gathering = WaitingRuns(), WaitingRuns()
        self._places = (self.queued, self.reserved, self.between_attempts, self.gathering)
        self._max_runs = policy.max_queued_runs
        self._max_bytes = policy.max_queued_bytes

    def __len__(self) -> int:
        """How many runs wait for a slot, or will; those between two attempts do not."""
        return len(self.queued) + len(self.reserved) + len(self.gathering)

    @property
    def order_bytes(self) -> int:
        """How much memory the orders of all waiting runs take."""
        return sum(place.order_bytes for place in self._places)

    @property
    def has_room(self) -> bool:
        """Whether the orders of waiting runs take less memory than they may."""
        return self.order_bytes <= self._max_bytes

    def reserve(self, run: ActiveRun, *, capacity: int, running: int, retry_after_seconds: int) -> None:
        """Keep a place for a run that has to be written first; raises `QueueFullError` if there is none for it."""
        queued = len(self)
        is_full = running + queued >= capacity + self._max_runs
        is_busy = running + queued >= capacity
        if is_full or (is_busy and self.order_bytes + run.order_bytes > self._max_bytes):
            raise QueueFullError(
                running=running,
                queued=queued,
                retry_after_seconds=retry_after_seconds,
                queued_bytes=None if is_full else self.order_bytes,
            )
        if run.is_promised:
            # The others come at once.
            self.reserved.add(run)

    def add(self, run: ActiveRun) -> None:
        """Have a run wait for a slot: behind all others, or by its age if this worker has claimed it."""
        if run.was_claimed:
            self.queued.add_by_age(run)
        else:
            self.queued.add(run)
