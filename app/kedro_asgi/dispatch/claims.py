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
from kedro_asgi.dispatch.stores.base import Claim, Store
from kedro_asgi.dispatch.wakes import Wakes
from kedro_asgi.errors import PolicyError, StoreUnavailableError


def has_queue_in_store(store: Store, policy: Policy, *, takes_runs: bool) -> bool:
    """Tell whether promised runs wait in the store, where any worker may take them.

    They do where the store can wake the workers, and where runs have to be left to others or counted with theirs.
    """
    is_needed = takes_runs or policy.max_fleet_runs is not None or policy.max_concurrent_runs == 0
    return store.is_shared and policy.on_restart == "run" and (store.has_wakes or is_needed)


def check_queue(store: Store, policy: Policy, *, takes_runs: bool) -> None:
    """Raise `PolicyError` for limits that need a queue in the store, where there can be none."""
    reasons = {
        "max_fleet_runs": policy.max_fleet_runs is not None,
        "max_concurrent_runs of 0": policy.max_concurrent_runs == 0,
        "a worker": takes_runs,
    }
    name = next((name for name, is_given in reasons.items() if is_given), None)
    if name is None:
        return
    if not store.is_shared:
        raise PolicyError(f"{name} needs a store that several processes share, and not one in memory")
    if policy.on_restart == "mark":
        raise PolicyError(f"{name} needs an on_restart of 'run': runs that wait in the store belong to no server")


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
        wakes: Wakes,
        owner: str,
        policy: Policy,
    ) -> None:
        self._access = access
        self._recorder = recorder
        self._recovery = recovery
        self._runs = runs
        self._scheduler = scheduler
        self._wakes = wakes
        self._owner = owner
        self._policy = policy
        self._next_due_at = math.inf
        self._is_unsure = False

    async def look(self) -> None:
        """Wait until a run may be there for a free slot, and take as many as there are slots."""
        await self._wakes.wait(
            "queue", self._policy.look_seconds, at_most_seconds=max(0.0, self._next_due_at - time.time())
        )
        if self._is_unsure:
            # The store may have given runs to this worker that it was not told of.
            await self._recovery.recheck_owned()
            self._is_unsure = False
        if self._scheduler.store_queue_since is None and not await self._has_found_any():
            return
        while not self._runs.is_draining and (room := self._scheduler.room) > 0:
            if not await self._claim(room):
                break

    async def _has_found_any(self) -> bool:
        """Tell whether runs wait that this worker does not know of; many workers may be woken for one run.

        So they only read. If there are any, a slot that gets free later causes a claim, too.
        """
        now = time.time()
        has_found = await self._access.read(lambda store: store.has_due_runs(now_ms=int(now * 1000)))
        if now >= self._next_due_at:
            self._next_due_at = math.inf
        # A run of this worker may have gone there meanwhile, and it is older than this moment.
        if has_found and self._scheduler.store_queue_since is None:
            self._scheduler.store_queue_changed(datetime.now(UTC))
        return has_found

    async def _claim(self, room: int) -> bool:
        """Take so many runs; return whether there may be more."""
        try:
            claim = await self._recorder.execute(self._call(room))
        except StoreUnavailableError:
            self._is_unsure = True
            self._scheduler.store_queue_changed(None)
            raise
        self._recovery.take(claim.runs)
        self._note(claim)
        return claim.is_any_left and bool(claim.runs)

    def _call(self, room: int) -> Callable[[Store], Claim]:
        now_ms = int(time.time() * 1000)
        return lambda store: store.claim_runs(
            self._owner, limit=room, max_owned=self._policy.max_fleet_runs, now_ms=now_ms
        )

    def _note(self, claim: Claim) -> None:
        since: datetime | None = None
        if claim.is_any_left:
            # Those that are left came later.
            since = claim.runs[-1].record.created_at if claim.runs else datetime.now(UTC)
        else:
            self._next_due_at = math.inf if claim.next_due_at_ms is None else (claim.next_due_at_ms + 1) / 1000
        self._scheduler.store_queue_changed(since)
