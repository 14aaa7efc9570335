"""The queue of promised runs in the store, as one of the workers that share it knows it."""

from datetime import datetime

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.run_durations import RunDurations
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.dispatch.wakes import Wakes
from kedro_asgi.errors import PolicyError


def has_store_queue(store: Store, policy: Policy, *, takes_runs: bool) -> bool:
    """Tell whether promised runs wait in the store, where any worker may take them.

    They do where the store can wake the workers, and where runs have to be left to others or counted with theirs.
    """
    is_needed = takes_runs or any(_needs_queue(policy).values())
    return store.is_shared and policy.on_restart == "run" and (store.has_wakes or is_needed)


def check_store_queue(store: Store, policy: Policy, *, takes_runs: bool) -> None:
    """Raise `PolicyError` for limits that need a queue in the store, where there can be none."""
    reasons = {**_needs_queue(policy), "a worker": takes_runs}
    name = next((name for name, is_given in reasons.items() if is_given), None)
    if name is None:
        return
    if not store.is_shared:
        raise PolicyError(f"{name} needs a store that several processes share, and not one in memory")
    if policy.on_restart == "mark":
        raise PolicyError(f"{name} needs an on_restart of 'run': runs that wait in the store belong to no server")


def _needs_queue(policy: Policy) -> dict[str, bool]:
    return {
        "max_fleet_runs": policy.max_fleet_runs is not None,
        "fair_shares": policy.fair_shares,
        "max_concurrent_runs of 0": policy.max_concurrent_runs == 0,
    }


class StoreQueue:
    """The queue of the store, as this worker knows it. Belongs to one event loop.

    Without ``is_used``, promised runs wait in the worker that has accepted them.
    """

    def __init__(self, policy: Policy, access: StoreAccess, wakes: Wakes, *, is_used: bool) -> None:
        self.is_used = is_used
        self.has_all = is_used and any(_needs_queue(policy).values())
        """Whether each run is promised and claimed: the store counts or orders them, or other workers execute them."""
        self.since: datetime | None = None
        """Since when runs wait in the queue, as far as this worker knows."""
        self.length = 0
        """How many runs waited in the queue when they were counted last."""
        self._access = access
        self._is_counted = policy.max_fleet_runs is not None or policy.fair_shares
        self._is_by_age = not policy.fair_shares
        self._wakes = wakes

    def added(self, run: ActiveRun) -> None:
        """A run of this worker is in the queue now."""
        self.found_waiting(run.record.created_at)
        self.wake()

    def found_waiting(self, since: datetime) -> None:
        """Runs wait in the queue since that time, or for longer."""
        if self.since is None:
            self.since = since

    def claimed(self, since: datetime | None) -> None:
        """A claim has left runs in the queue that wait since that time; ``None``: no run is known to wait."""
        self.since = since

    def wake(self) -> None:
        """Have runs claimed, if there are any and this worker has room."""
        self._wakes.wake("queue")

    async def count(self) -> None:
        """Count the runs that wait in the queue."""
        self.length = await self._access.read(lambda store: store.count_queued())

    def is_before(self, run: ActiveRun | None) -> bool:
        """Whether a run in the queue is older than ``run``, the oldest that waits here; ``None``: none does."""
        return self._is_by_age and self.since is not None and (run is None or self.since < run.record.created_at)

    def room(
        self, capacity: int, *, running: int, queued: int, first: ActiveRun | None, durations: RunDurations
    ) -> int:
        """Return how many runs this worker may claim now.

        They are those for free slots, and a few more where runs end so soon that they would wait for the next ones.
        """
        free = capacity - running
        room = free + self.ahead(capacity, running, durations) - queued if capacity else 0
        return max(room, free if self.is_before(first) else 0)

    def ahead(self, capacity: int, running: int, durations: RunDurations) -> int:
        """Return how many runs this worker may have beside those for its slots."""
        return 0 if self._is_counted else durations.ahead(capacity, running=running)
