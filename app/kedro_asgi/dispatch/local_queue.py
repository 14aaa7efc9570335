"""The runs that wait in a worker, and the limits for them."""

from collections import OrderedDict

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.errors import QueueFullError


class LocalQueue:
    """Runs with a place in the queue of this worker, the first ones first. Belongs to one event loop.

    ``reserved`` are the places of runs that are not on disk yet. ``order_bytes`` is the memory that the orders of all
    waiting runs take, also of those that wait elsewhere: each dictionary of runs has the size of each order.
    """

    def __init__(self, policy: Policy) -> None:
        self.runs: OrderedDict[ActiveRun, int] = OrderedDict()
        self.reserved: dict[ActiveRun, int] = {}
        self.order_bytes = 0
        self._max_runs = policy.max_queued_runs
        self._max_bytes = policy.max_queued_bytes

    def __len__(self) -> int:
        return len(self.runs) + len(self.reserved)

    @property
    def first(self) -> ActiveRun | None:
        """The run whose turn is next."""
        return next(iter(self.runs), None)

    @property
    def has_room(self) -> bool:
        """Whether the orders of waiting runs take less memory than they may."""
        return self.order_bytes <= self._max_bytes

    def reserve(self, run: ActiveRun, *, capacity: int, running: int, queued: int, retry_after_seconds: int) -> None:
        """Keep a place for a run that has to be written first; raises `QueueFullError` if there is none for it."""
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
            self.add_to(self.reserved, run)

    def add(self, run: ActiveRun) -> None:
        """Have a run wait for a slot: behind all others, or by its age if this worker has claimed it."""
        self.add_to(self.runs, run)
        if run.was_claimed:
            for other in [other for other in self.runs if other.record.created_at > run.record.created_at]:
                self.runs.move_to_end(other)

    def add_first(self, run: ActiveRun) -> None:
        """Have a run wait that comes before all others."""
        self.add_to(self.runs, run)
        self.runs.move_to_end(run, last=False)

    def add_to(self, runs: dict[ActiveRun, int], run: ActiveRun) -> None:
        """Add a run to those that wait somewhere."""
        runs[run] = run.order_bytes
        self.order_bytes += run.order_bytes

    def remove_from(self, runs: dict[ActiveRun, int], run: ActiveRun) -> None:
        """Remove a run from those that wait somewhere, if it is among them."""
        self.order_bytes -= runs.pop(run, 0)
