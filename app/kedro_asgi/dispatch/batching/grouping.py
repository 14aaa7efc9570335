"""A scheduler whose runs wait in groups: those of a group can be executed as one, and take one slot."""

import time
from typing import Protocol

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.batching.group import Group, Member
from kedro_asgi.dispatch.batching.member_order import MemberOrder
from kedro_asgi.dispatch.executors.base import Executor
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.scheduler import Scheduler
from kedro_asgi.dispatch.store_queue import StoreQueue
from kedro_asgi.dispatch.supervision import LongLivedWork
from kedro_asgi.dispatch.timers import Timers
from kedro_asgi.dispatch.waiting_order import PackedOrder

# Callers choose the kinds of their rows, so what is learned about each has a limit.
_MAX_GROUPS = 256


class PromisedMemberOrder(Protocol):
    """Returns the order of a promised run as that of one that may be joined with others; ``None`` if it may not."""

    def __call__(self, pipeline_names: tuple[str, ...], packed: PackedOrder, /) -> MemberOrder | None:
        """Look at the order of a run of these pipelines."""


class GroupingScheduler(Scheduler):
    """Runs that may be joined wait in their groups, of which each has one place in the queue; others wait as ever."""

    def __init__(
        self,
        executor: Executor,
        metrics: Metrics,
        policy: Policy,
        store_queue: StoreQueue,
        *,
        promised_member_order: PromisedMemberOrder,
    ) -> None:
        super().__init__(executor, metrics, policy, store_queue)
        self.windows: Timers[Group] = Timers(self._look)
        self._promised_member_order = promised_member_order
        self._groups: dict[object, Group] = {}
        self._group_of: dict[ActiveRun, Group] = {}

    def long_lived_work(self) -> tuple[LongLivedWork, ...]:
        return (*super().long_lived_work(), LongLivedWork(name="begin batches", do=self.windows.look))

    def _enqueue(self, run: ActiveRun) -> None:
        order = self._member_order(run)
        if order is None:
            super()._enqueue(run)
            return
        run.enqueue()
        self._queue.gathering.add(run)
        group = self._group_of[run] = self._find_group(order)
        group.add(Member(run, order, time.monotonic()))
        self._look(group)

    def _member_order(self, run: ActiveRun) -> MemberOrder | None:
        """Return the order of a run that waits in a group; ``None`` for one that waits alone."""
        order: object = run.order
        if run.record.run_attempt > 1 or run.is_streamed:
            return None
        if run.is_promised and isinstance(order, PackedOrder):
            order = self._promised_member_order(run.record.pipeline_names, order)
        return order if isinstance(order, MemberOrder) and order.pipeline.problem is None else None

    def _find_group(self, order: MemberOrder) -> Group:
        group = self._groups.get(order.group)
        if group is None:
            if len(self._groups) >= _MAX_GROUPS:
                self._groups = {key: found for key, found in self._groups.items() if not found.is_empty}
            group = self._groups[order.group] = Group(order.pipeline)
        return group

    def _look(self, group: Group) -> None:
        """Have the next batch of a group take a slot, now or when its time has come."""
        if not group.waiting or group.is_in_queue:
            return
        now, begins_at = time.monotonic(), group.begins_at()
        if begins_at <= now:
            run = group.enter_queue()
            self._queue.gathering.discard(run)
            self._take_turn(run)
        else:
            self.windows.watch_no_later(group, begins_at - now)

    def _leave(self, run: ActiveRun) -> None:
        group = self._group_of.pop(run, None)
        if group is not None:
            group.discard(run)
            self._queue.gathering.discard(run)
        super()._leave(run)
        if group is not None:
            self._look(group)
