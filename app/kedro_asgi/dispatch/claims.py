"""Takes promised runs from the queue of the store, for the free slots of this worker."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

from kedro_asgi.dispatch.owned_runs import OwnedRuns
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.recorder import Recorder
from kedro_asgi.dispatch.recovery import Recovery
from kedro_asgi.dispatch.scheduler import Scheduler
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.store_queue import StoreQueue
from kedro_asgi.dispatch.stores.base import Claim, Store
from kedro_asgi.dispatch.supervision import LongLivedWork
from kedro_asgi.dispatch.wakes import Wakes
from kedro_asgi.errors import StoreUnavailableError

# How long a run that this worker has claimed may wait here.
_LATE_SECONDS = 1.0


class Claims:
    """Has one claim at a time. Belongs to one event loop.

    A transaction decides which worker gets a run, so no two have it, and how many runs all workers have.
    """

    def __init__(
        self,
        access: StoreAccess,
        recorder: Recorder,
        recovery: Recovery,
        runs: OwnedRuns,
        scheduler: Scheduler,
        store_queue: StoreQueue,
        wakes: Wakes,
        owner: str,
        policy: Policy,
    ) -> None:
        self._access = access
        self._recorder = recorder
        self._recovery = recovery
        self._runs = runs
        self._scheduler = scheduler
        self._store_queue = store_queue
        self._wakes = wakes
        self._owner = owner
        self._policy = policy
        self._next_due_at = math.inf
        self._is_unsure = False
        self._waited = frozenset[str]()

    def long_lived_work(self) -> tuple[LongLivedWork, ...]:
        """Return what goes on while the service is open."""
        return (
            LongLivedWork(name="take runs from the queue", do=self._look),
            LongLivedWork(name="give back runs that wait", do=self._give_back_late, pause_seconds=_LATE_SECONDS),
        )

    async def _look(self) -> None:
        """Wait until a run may be there for a free slot, and take as many as there are slots."""
        await self._wakes.wait(
            "queue", self._policy.look_seconds, at_most_seconds=max(0.0, self._next_due_at - time.time())
        )
        if self._is_unsure:
            # The store may have given runs to this worker that it was not told of.
            await self._recovery.recheck_owned()
            self._is_unsure = False
        if self._store_queue.since is None and not await self._has_found_any():
            return
        while not self._runs.is_draining and (room := self._scheduler.room) > 0:
            if not await self._claim(room):
                break

    async def _give_back_late(self) -> None:
        """Give up the runs that have waited here since the last call: another worker may have a free slot.

        They were taken ahead, since the runs before them ended soon.
        """
        queued = self._runs.queued_runs()
        for run_id in self._waited.intersection(queued):
            self._runs.give_back(run_id)
        self._waited = queued - self._waited

    async def _has_found_any(self) -> bool:
        """Tell whether runs wait that this worker does not know of; many workers may be woken for one run.

        So they only read. If there are any, a slot that gets free later causes a claim, too.
        """
        now = time.time()
        has_found = await self._access.read(lambda store: store.has_due_runs(now_ms=int(now * 1000)))
        if now >= self._next_due_at:
            self._next_due_at = math.inf
        # A run of this worker may have gone there meanwhile, and it is older than this moment.
        if has_found:
            self._store_queue.found_waiting(datetime.now(UTC))
        return has_found

    async def _claim(self, room: int) -> bool:
        """Take up to ``room`` runs; return whether there may be more."""
        try:
            claim = await self._recorder.execute(self._call(room))
        except StoreUnavailableError:
            self._is_unsure = True
            self._queue_changed(None)
            raise
        self._recovery.take(claim.runs)
        self._note(claim)
        return claim.is_any_left and bool(claim.runs)

    def _call(self, room: int) -> Callable[[Store], Claim]:
        now_ms = int(time.time() * 1000)
        policy = self._policy
        return lambda store: store.claim_runs(
            self._owner, limit=room, max_owned=policy.max_fleet_runs, now_ms=now_ms, by_caller=policy.fair_shares
        )

    def _note(self, claim: Claim) -> None:
        since: datetime | None = None
        if claim.is_any_left:
            # Those that are left came later.
            since = claim.runs[-1].record.created_at if claim.runs else datetime.now(UTC)
        else:
            self._next_due_at = math.inf if claim.next_due_at_ms is None else (claim.next_due_at_ms + 1) / 1000
        self._queue_changed(since)

    def _queue_changed(self, since: datetime | None) -> None:
        self._store_queue.claimed(since)
        self._scheduler.start_queued()
