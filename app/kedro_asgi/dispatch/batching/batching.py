"""The pipelines whose runs a service joins, and which of their runs can be joined."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.batching_state import BatchedPipelineState
from kedro_asgi.dispatch.batching.batched_pipeline import BatchedPipeline
from kedro_asgi.dispatch.batching.member_order import AloneError, MemberOrder, member_order
from kedro_asgi.dispatch.batching.metrics import BatchMetrics, RunAndBatchMetrics
from kedro_asgi.dispatch.batching.pipeline_state import pipeline_state
from kedro_asgi.dispatch.batching.rules import BatchingRules
from kedro_asgi.dispatch.batching.scheduler import BatchingScheduler
from kedro_asgi.dispatch.executors.base import Executor
from kedro_asgi.dispatch.metrics import Metrics, RunMetrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.store_queue import StoreQueue
from kedro_asgi.dispatch.supervision import LongLivedWork
from kedro_asgi.dispatch.waiting_order import PackedOrder, is_small
from kedro_asgi.errors import UnreadableRunError
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runs import RunOrder
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.plan import Planner
    from kedro_asgi.session.service_session import KedroServiceSession

# The event loop looks at each value of a request; and one with many rows gains little.
_MAX_BYTES = 32 * 1024


class Batching:
    """Knows the batched pipelines of a session. Belongs to one event loop.

    The project is read, and a pipeline is checked, before the first runs of it are joined; after a reload, again.
    """

    def __init__(
        self, session: AsyncSession, options: Mapping[str, BatchingOptions], *, rules: BatchingRules | None = None
    ) -> None:
        self.metrics = BatchMetrics()
        self._session = session
        self._rules = rules or BatchingRules()
        self._pipelines = {name: BatchedPipeline(name, found, rules=self._rules) for name, found in options.items()}
        self._problem_of_all: str | None = None
        self._checked: Planner | None = None
        self._needed = anyio.Event()

    def member_order(self, order: RunOrder, *, json_bytes: int | None) -> MemberOrder | None:
        """Return an order as that of a run that may be joined with others; ``None`` if it may not."""
        pipeline = self._pipeline(order.spec.slice.pipeline_names)
        if pipeline is None:
            return None
        is_small_enough = is_small(order) if json_bytes is None else json_bytes <= _MAX_BYTES
        reason = self._obstacle(pipeline, is_small_enough=is_small_enough)
        if reason is None:
            try:
                return member_order(order.spec, pipeline, size_bytes=json_bytes or 0)
            except AloneError as error:
                reason = str(error)
        self.metrics.run_unbatched(pipeline.name, reason)
        return None

    def promised_member_order(self, pipeline_names: tuple[str, ...], packed: PackedOrder) -> MemberOrder | None:
        """Do what `member_order` does, for a promised run that waits from now on."""
        pipeline = self._pipeline(pipeline_names)
        if pipeline is None:
            return None
        reason = self._obstacle(pipeline, is_small_enough=packed.size_bytes <= _MAX_BYTES)
        if reason is None:
            try:
                return member_order(packed.read(), pipeline, size_bytes=packed.size_bytes, packed=packed)
            except AloneError as error:
                reason = str(error)
            except UnreadableRunError:
                # The run fails when its turn comes.
                return None
        self.metrics.run_unbatched(pipeline.name, reason)
        return None

    def _pipeline(self, names: tuple[str, ...]) -> BatchedPipeline | None:
        names = names or (DEFAULT_PIPELINE,)
        return self._pipelines.get(names[0]) if len(names) == 1 else None

    def _obstacle(self, pipeline: BatchedPipeline, *, is_small_enough: bool) -> str | None:
        if not self._is_checked:
            self._needed.set()
            return "unchecked"
        if pipeline.problem is not None:
            return "refused"
        return None if is_small_enough else "size"

    def refuse_all(self, problem: str) -> None:
        """Join no runs of any pipeline, for this reason."""
        self._problem_of_all = problem
        for pipeline in self._pipelines.values():
            pipeline.refuse(problem)

    # --- checking ---

    @property
    def _is_checked(self) -> bool:
        session = self._session.prepared
        return session is not None and session.engine.planner is self._checked

    async def check(self) -> None:
        """Check the pipelines against the project as runs see it now; raises the errors of opening it."""
        if self._is_checked:
            return
        # The thread that opens the project imports the modules that the check needs.
        outcome = await self._session.in_free_thread(self._problems)
        planner, problems = outcome.value()
        if planner is self._checked:
            return
        for name, former in self._pipelines.items():
            former.retire()
            problem = self._problem_of_all or problems[name]
            self._pipelines[name] = BatchedPipeline(
                name, former.options, rules=self._rules, is_checked=True, problem=problem
            )
        self._checked = planner

    def _is_current(self, pipeline: BatchedPipeline) -> bool:
        return self._is_checked and self._pipelines[pipeline.name] is pipeline

    def _problems(self, session: "KedroServiceSession") -> "tuple[Planner, dict[str, str | None]]":
        from kedro_asgi.dispatch.batching.check import batching_problem

        planner = session.engine.planner
        return planner, {
            name: batching_problem(planner, name, pipeline.options) for name, pipeline in self._pipelines.items()
        }

    async def _check_when_needed(self) -> None:
        await self._needed.wait()
        self._needed = anyio.Event()
        await self.check()

    # --- parts of a service ---

    def metrics_of_runs(self) -> RunMetrics:
        """Return the counts of a service, with those of its batches."""
        return RunAndBatchMetrics(self._session.has_pipeline, self.metrics)

    def scheduler(
        self, executor: Executor, metrics: Metrics, policy: Policy, store_queue: StoreQueue
    ) -> BatchingScheduler:
        """Return the scheduler of a service that joins runs."""
        return BatchingScheduler(
            executor,
            metrics,
            policy,
            store_queue,
            self.metrics,
            is_current=self._is_current,
            promised_member_order=self.promised_member_order,
        )

    def long_lived_work(self) -> tuple[LongLivedWork, ...]:
        """Return what goes on while a service is open."""
        return (LongLivedWork(name="check which pipelines are batched", do=self._check_when_needed),)

    def describe(self) -> tuple[BatchedPipelineState, ...]:
        """Return what is known of each pipeline, and what joining its runs has brought in this process."""
        return tuple(pipeline_state(pipeline, self.metrics) for pipeline in self._pipelines.values())
