"""The waiting runs that can be executed as one, and the batches of such runs that are executed."""

from contextvars import Context
from typing import TYPE_CHECKING

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.batching.batched_pipeline import BatchedPipeline
from kedro_asgi.dispatch.batching.member_order import MemberOrder
from kedro_asgi.dispatch.batching.window import Window

if TYPE_CHECKING:
    from kedro_asgi.tracing.tracer import RunSpan


class Member:
    """A run that waits for its batch, or is part of one; then it has a context and, with tracing, a span."""

    __slots__ = ("came_at", "context", "order", "run", "span")

    def __init__(self, run: ActiveRun, order: MemberOrder, came_at: float) -> None:
        self.run = run
        self.order = order
        self.came_at = came_at
        self.context = Context()
        self.span: RunSpan | None = None


class Group:
    """Runs of one pipeline that differ in their rows only. Belongs to one event loop.

    One batch is executed at a time, and the next one fills meanwhile. Others begin beside it if they are full, or if
    it takes long.
    """

    def __init__(self, pipeline: BatchedPipeline) -> None:
        self.pipeline = pipeline
        self.window = Window(pipeline.options, beside_after_seconds=pipeline.rules.beside_after_seconds)
        self.waiting: dict[ActiveRun, Member] = {}
        self.waiting_rows = 0
        # One of the waiting runs stands in the queue for a slot, for all of them.
        self._in_queue: ActiveRun | None = None
        self.executed_requests = 0
        # The batches that are executed, each by the run that has its slot.
        self._began_at: dict[ActiveRun, float] = {}
        self._free_since = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the group waits or is executed."""
        return not self.waiting and not self._began_at

    @property
    def present(self) -> int:
        """How many requests wait or are executed."""
        return len(self.waiting) + self.executed_requests

    def add(self, member: Member) -> None:
        """A run waits."""
        self.waiting[member.run] = member
        self.waiting_rows += member.order.rows
        self.window.request_came(member.came_at, present=self.present)

    def discard(self, run: ActiveRun) -> None:
        """A run waits no more."""
        if (member := self.waiting.pop(run, None)) is not None:
            self.waiting_rows -= member.order.rows
            if self._in_queue is run:
                self._in_queue = None

    def take(self, *, is_joined: bool) -> list[Member]:
        """Remove and return the runs of the next batch, in the order in which they came: one at least.

        Without ``is_joined``, it is no more than one.
        """
        limit = self.window.row_limit if is_joined else 0
        taken: list[Member] = []
        rows = 0
        for member in self.waiting.values():
            if taken and rows + member.order.rows > limit:
                break
            taken.append(member)
            rows += member.order.rows
        for member in taken:
            self.discard(member.run)
        self._in_queue = None
        return taken

    @property
    def is_in_queue(self) -> bool:
        """Whether one of the waiting runs stands in the queue for a slot."""
        return self._in_queue is not None

    def enter_queue(self) -> ActiveRun:
        """Return the run that stands in the queue from now on, for all that wait."""
        self._in_queue = next(iter(self.waiting))
        return self._in_queue

    def begins_at(self) -> float:
        """Return when the next batch may take a slot."""
        oldest = next(iter(self.waiting.values()))
        if self.waiting_rows >= self.window.row_limit or self.pipeline.problem is not None:
            return oldest.came_at
        if self._began_at:
            return self.window.may_begin_beside(began_at=max(self._began_at.values()))
        ready_at = max(oldest.came_at, self._free_since)
        return self.window.begins_at(ready_at=ready_at, oldest_at=oldest.came_at, requests=len(self.waiting))

    def batch_began(self, holder: ActiveRun, now: float, *, requests: int) -> None:
        """A batch is executed from now on."""
        self._began_at[holder] = now
        self.executed_requests += requests
        self.window.batch_began(present=self.present)

    def batch_ended(self, holder: ActiveRun, now: float, *, requests: int) -> None:
        """Nothing of a batch is executed any more."""
        del self._began_at[holder]
        self.executed_requests -= requests
        self._free_since = now
