"""A scheduler that executes runs of one kind together, in one slot."""

import time
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.batching.answers import NOT_ALIKE, split_outputs
from kedro_asgi.dispatch.batching.batch import Batch
from kedro_asgi.dispatch.batching.batched_pipeline import BatchedPipeline
from kedro_asgi.dispatch.batching.group import Group, Member
from kedro_asgi.dispatch.batching.grouping import GroupingScheduler, PromisedMemberOrder
from kedro_asgi.dispatch.batching.joint_run import JointRun, Outputs
from kedro_asgi.dispatch.batching.metrics import BatchMetrics
from kedro_asgi.dispatch.executors.base import Execution, Executor, GivenRun
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.scheduler import may_begin
from kedro_asgi.dispatch.store_queue import StoreQueue
from kedro_asgi.errors import RunStoppedError
from kedro_asgi.run_ids import RunIds
from kedro_asgi.tracing.activation import begin_batch_span, begin_run_span

if TYPE_CHECKING:
    from kedro_asgi.tracing.tracer import BatchSpan, RunSpan


class BatchingScheduler(GroupingScheduler):
    """Runs that wait in a group take one slot for a batch of them; other runs are as ever.

    A batch of promised runs keeps its slot until the start of each is on disk, and begins then. A run that is stopped
    leaves its batch: its record ends at once, and the batch goes on for the others. When all have left, the batch is
    stopped. A batch that fails keeps its slot while each half of it is executed, and so on; so do the first batches of
    a computation, while each member is executed alone, to compare what both give. ``is_current`` tells whether a
    pipeline was checked in the project as runs see it now.
    """

    def __init__(
        self,
        executor: Executor,
        metrics: Metrics,
        policy: Policy,
        store_queue: StoreQueue,
        batch_metrics: BatchMetrics,
        *,
        is_current: Callable[[BatchedPipeline], bool],
        promised_member_order: PromisedMemberOrder,
    ) -> None:
        super().__init__(executor, metrics, policy, store_queue, promised_member_order=promised_member_order)
        self._batch_ids = RunIds()
        self._batch_metrics = batch_metrics
        self._is_current = is_current
        # The runs that have a slot or a part of one: those of batches of several, and those of batches of one.
        self._batches: dict[ActiveRun, Batch] = {}
        self._single: dict[ActiveRun, tuple[Group, Member]] = {}

    # --- on the way ---

    def _start(self, run: ActiveRun) -> None:
        group = self._group_of.get(run)
        if group is None:
            super()._start(run)
            return
        members = group.take(is_joined=self._is_joined(group))
        for member in members:
            self._queue.gathering.discard(member.run)
            del self._group_of[member.run]
        now, name = time.monotonic(), group.pipeline.name
        self._batch_metrics.batch_began(name, [now - member.came_at for member in members])
        group.batch_began(run, now, requests=len(members))
        if len(members) == 1:
            self._single[run] = (group, members[0])
            super()._start(run)
        else:
            self._start_batch(Batch(group, members, holder=run))
        self._look(group)

    def _is_joined(self, group: Group) -> bool:
        """Whether the runs of a group may be executed as one in the project as it is now."""
        return group.pipeline.problem is None and self._is_current(group.pipeline)

    def _start_batch(self, batch: Batch) -> None:
        self._take_slot(batch.holder)
        for member in batch.members:
            run = member.run
            run.start()
            self._metrics.run_started(run.record)
            self._batches[run] = batch
        self._begin_stored(batch)

    def _begin_stored(self, batch: Batch) -> None:
        """Begin a batch if the starts of all its promised members are on disk."""
        if not all(map(may_begin, batch.left)):
            return
        for run, member in batch.left.items():
            _, member.context = run.begin()
            self._ends.watch_deadline(run)
            member.span = begin_run_span(run.record, member.context)
        self._go_on(batch)

    def start_stored(self, run: ActiveRun) -> None:
        batch = self._batches.get(run)
        if batch is None:
            super().start_stored(run)
        elif batch.phase == "starting":
            self._begin_stored(batch)

    def _take_starting_back(self) -> None:
        for batch in dict.fromkeys(batch for batch in self._batches.values() if batch.phase == "starting"):
            self._take_back(batch)
        super()._take_starting_back()

    def _take_back(self, batch: Batch) -> None:
        """Have the runs of a batch that has not begun wait again, before all others and each alone."""
        self._free_slot(batch.holder)
        for run in sorted(batch.left, key=lambda run: run.record.run_id, reverse=True):
            del self._batches[run]
            run.enqueue()
            self._queue.queued.add_first(run)
        self._group_is_free(batch.group, batch.holder, requests=len(batch.members))

    def _go_on(self, batch: Batch) -> None:
        """Execute the next part of a batch, or give its slot to others."""
        match batch.next_part(self._batch_ids.next):
            case JointRun() as joint:
                self._execute_jointly(batch, joint)
            case Member() as member:
                self._execute_alone(batch, member)
            case None:
                self._finish(batch)

    def _execute_jointly(self, batch: Batch, joint: JointRun) -> None:
        joint.announce()
        names, context = batch.holder.record.pipeline_names, Context()
        span = begin_batch_span(joint.run_id, names, joint.rows, joint.members, context)
        given = GivenRun(
            run_id=joint.run_id,
            read_spec=joint.read_spec(batch.group.pipeline.options.inputs),
            pipeline_names=names,
            context=context,
            emit=joint.emit,
            ended=partial(self._joint_run_ended, batch, joint, perf_counter(), span),
        )
        self._executor.start(given)

    def _execute_alone(self, batch: Batch, member: Member) -> None:
        run = member.run
        given = GivenRun(
            run_id=run.record.run_id,
            read_spec=member.order.read,
            pipeline_names=run.record.pipeline_names,
            context=member.context,
            emit=run.outbox.emit,
            ended=partial(self._alone_ended, batch, member),
        )
        self._executor.start(given)

    # --- out ---

    def stop(self, run: ActiveRun, reason: RunStoppedError) -> None:
        batch = self._batches.get(run)
        if batch is None or batch.is_alone(run):
            super().stop(run, reason)
            return
        run.ask_stop(reason)
        self._end_member(batch, run, Execution())
        if batch.phase == "starting":
            self._begin_stored(batch)
        elif (joint := batch.unwanted_joint_run) is not None:
            self.stopping.add(batch.holder)
            self._executor.stop(joint.run_id, reason)

    def _leave(self, run: ActiveRun) -> None:
        batch = self._batches.pop(run, None)
        if batch is not None:
            # Another worker has the run, and its start is not on disk. The slot is that of the batch.
            batch.leave(run)
            self._begin_stored(batch)
            return
        single = self._single.pop(run, None)
        super()._leave(run)
        if single is not None:
            self._group_is_free(single[0], run, requests=1)

    def _execution_ended(self, run: ActiveRun, begun: float, span: "RunSpan | None", execution: Execution) -> None:
        super()._execution_ended(run, begun, span, execution)
        single = self._single.pop(run, None)
        if single is not None:
            group, member = single
            if execution.error is None and run.stop_reason is None:
                self._note_success(group, [member], perf_counter() - begun)
            self._group_is_free(group, run, requests=1)

    def _joint_run_ended(
        self, batch: Batch, joint: JointRun, begun: float, span: "BatchSpan | None", execution: Execution
    ) -> None:
        seconds = perf_counter() - begun
        self._durations.ended(seconds)
        is_needed = joint.is_needed(batch.left)
        if span is not None:
            span.end(execution.error if is_needed else None)
        self._note_execution(batch.holder, execution, is_stopped=not is_needed)
        if is_needed and (outputs := self._outputs_of_each(batch, joint, execution)) is not None:
            self._note_success(batch.group, joint.members, seconds)
            for run in batch.joint_succeeded(joint, outputs):
                self._end_member(batch, run, Execution(outputs=outputs[run]))
        elif is_needed:
            # A crash ends a process, so it is not tried so often; and a pipeline may be refused by now.
            is_joined = self._is_joined(batch.group)
            is_halved = is_joined and execution.error is not None and not execution.has_crashed
            batch.joint_failed(joint, is_halved=is_halved, counts=is_joined)
        self._go_on(batch)

    def _outputs_of_each(self, batch: Batch, joint: JointRun, execution: Execution) -> dict[ActiveRun, Outputs] | None:
        """Return the outputs of each member of a joint run that succeeded; ``None`` if they cannot be given.

        It may have been executed in another project than it was begun in.
        """
        if execution.error is not None or execution.output_problems or not self._is_joined(batch.group):
            return None
        return split_outputs(batch.group.pipeline, joint, execution.outputs)

    def _finish(self, batch: Batch) -> None:
        """Give the slot of a batch to others."""
        group, pipeline = batch.group, batch.group.pipeline
        if batch.has_failed:
            self._batch_metrics.batch_failed(pipeline.name)
            pipeline.batch_failed(is_run_at_fault=batch.is_run_at_fault)
        else:
            pipeline.batch_succeeded()
        self._free_slot(batch.holder)
        self._fill_slots()
        self._group_is_free(group, batch.holder, requests=len(batch.members))

    def _alone_ended(self, batch: Batch, member: Member, execution: Execution) -> None:
        run = member.run
        self._note_execution(run, execution, is_stopped=run.stop_reason is not None)
        if not batch.alone_ended(member, execution) and self._is_joined(batch.group):
            batch.group.pipeline.refuse(NOT_ALIKE)
        self._end_member(batch, run, execution)
        self._go_on(batch)

    def _end_member(self, batch: Batch, run: ActiveRun, execution: Execution) -> None:
        member = batch.leave(run)
        del self._batches[run]
        if run.phase in ("starting", "running"):
            self._end(run, execution)
        if member.span is not None:
            member.span.end(run.record.status, execution.error or run.record.error)

    def _note_success(self, group: Group, members: Sequence[Member], seconds: float) -> None:
        rows = sum(member.order.rows for member in members)
        group.window.batch_ended(seconds, rows=rows)
        self._batch_metrics.batch_succeeded(group.pipeline.name, runs=len(members), rows=rows, seconds=seconds)

    def _group_is_free(self, group: Group, holder: ActiveRun, *, requests: int) -> None:
        group.batch_ended(holder, time.monotonic(), requests=requests)
        self._look(group)
