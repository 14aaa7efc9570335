"""Admits runs: has a place for each, or refuses it, and has it written."""

from anyio.lowlevel import current_token
from msgspec import UNSET

from kedro_asgi.current_request import CURRENT_CALLER
from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.messages import RunAdmitted
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.recorder import Recorder
from kedro_asgi.dispatch.run_request import describe_run
from kedro_asgi.dispatch.scheduler import Scheduler
from kedro_asgi.dispatch.store_queue import StoreQueue
from kedro_asgi.dispatch.stores.base import RunKey
from kedro_asgi.dispatch.waiting_order import PackedOrder, WaitingOrder
from kedro_asgi.errors import DrainingError, PipelineCrashingError, QueueFullError
from kedro_asgi.events import RunQueued
from kedro_asgi.redaction import secret_names
from kedro_asgi.runs import RunId, RunOrder, RunRecord
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.event_loop import event_class
from kedro_asgi.trace_context import trace_id_of


class Admission:
    """Makes the runs of a worker. Belongs to one event loop."""

    def __init__(
        self,
        session: AsyncSession,
        recorder: Recorder,
        scheduler: Scheduler,
        policy: Policy,
        metrics: Metrics,
        store_queue: StoreQueue,
    ) -> None:
        self._session = session
        self._post = recorder.post
        self._scheduler = scheduler
        self._store_queue = store_queue
        self._has_shares = policy.fair_shares
        self._max_timeout_seconds = policy.max_timeout_seconds
        self._is_secret = secret_names(policy.hidden_values)
        self._metrics = metrics
        self._policy = policy
        self._make_event = event_class(current_token())

    def admit(
        self,
        order: RunOrder,
        waiting: WaitingOrder,
        run_id: RunId,
        *,
        is_promised: bool,
        is_draining: bool,
        key: RunKey | None = None,
    ) -> ActiveRun:
        """Return a new run; raises `QueueFullError`, `PipelineCrashingError`, or `DrainingError`."""
        record = describe_run(
            order,
            run_id,
            is_promised=is_promised,
            max_timeout_seconds=self._max_timeout_seconds,
            env=self._session.env,
            is_secret=self._is_secret,
        )
        keeps_order = order.on_interrupt == "rerun" or self._session.may_retry(order.spec)
        is_for_queue = is_promised and self._store_queue.is_used and self._is_queue_first
        run = ActiveRun(
            record,
            waiting,
            self._post,
            self._policy,
            is_promised=is_promised,
            keeps_order=keeps_order,
            is_for_queue=is_for_queue,
            has_store_queue=self._store_queue.is_used,
            make_event=self._make_event,
        )
        try:
            self._check(run, is_draining=is_draining)
        except (QueueFullError, DrainingError, PipelineCrashingError) as error:
            self._metrics.run_refused(error)
            raise
        trace_id = trace_id_of(record.trace_context) or UNSET
        stored_order = waiting if isinstance(waiting, PackedOrder) and is_promised else None
        admitted = RunAdmitted(
            record=record,
            order=stored_order,
            key=key,
            is_promised=is_promised,
            is_released=is_for_queue,
            event=RunQueued(run_id=run_id, at=record.created_at, trace_id=trace_id),
            caller=CURRENT_CALLER.get() if self._has_shares else None,
        )
        self._post(admitted, is_urgent=is_promised)
        return run

    def adopt(self, record: RunRecord, order: PackedOrder, *, last_event: int) -> ActiveRun:
        """Return a queued run that another worker left behind, or that waited in the queue of the store."""
        self._post(RunAdmitted(record=record, is_promised=True, stored="queued", last_event=last_event))
        return ActiveRun(
            record,
            order,
            self._post,
            self._policy,
            is_promised=True,
            stored="queued",
            keeps_order=True,
            has_store_queue=self._store_queue.is_used,
            make_event=self._make_event,
        )

    def _check(self, run: ActiveRun, *, is_draining: bool) -> None:
        """Keep a place for a run; raises the reason for which it is not admitted."""
        if is_draining:
            raise DrainingError
        if self._scheduler.circuit_breaker.crashes:
            self._scheduler.circuit_breaker.check(run.record.pipeline_names)
        if not run.is_for_queue:
            self._scheduler.reserve(run)

    @property
    def _is_queue_first(self) -> bool:
        """Whether a promised run that comes now has to wait behind others, in the queue of the store."""
        return self._store_queue.has_all or self._scheduler.room <= 0 or self._store_queue.since is not None
