"""One run of this process, from its admission to its end."""

from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import anyio
import msgspec
from msgspec import UNSET

from kedro_asgi.current_request import CURRENT_REQUEST
from kedro_asgi.dispatch.failed_attempts import with_attempt
from kedro_asgi.dispatch.final_state import describe_stop, end_of
from kedro_asgi.dispatch.messages import RunChanged
from kedro_asgi.dispatch.outbox import Outbox, Post
from kedro_asgi.dispatch.phases import TRANSITIONS, Phase
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.waiting_order import PackedOrder, WaitingOrder
from kedro_asgi.errors import RunStoppedError
from kedro_asgi.events import RunRetried, RunStarted
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, end_given_chunks
from kedro_asgi.runs import ErrorCause, ErrorDetail, RunRecord, RunSpec, RunStatus
from kedro_asgi.session.event_loop import LoopEvent


class ActiveRun:
    """A run's phase and record. Belongs to the event loop; only its own methods change it.

    ``is_promised``: its caller has, or will get, the promise that it runs, so each of its states is on disk before
    anything follows from it. ``stored`` is the status that is known to be on disk. The writer thread gets frozen copies
    of the state by the ``outbox``; code of the run, in any thread, gets only its `Outbox.emit`. ``keeps_order`` keeps
    the order while the run is executed, since it may have to be executed again. ``is_for_queue``: a new run goes to the
    queue of the store. ``has_store_queue``: there is one, where the run waits for its next attempts, too.
    """

    def __init__(
        self,
        record: RunRecord,
        order: WaitingOrder,
        post: Post,
        policy: Policy,
        *,
        is_promised: bool,
        stored: RunStatus | None = None,
        keeps_order: bool = False,
        is_for_queue: bool = False,
        has_store_queue: bool = False,
        make_event: Callable[[], LoopEvent] = anyio.Event,
    ) -> None:
        self.record = record
        self._order: WaitingOrder | None = order
        self.is_promised = is_promised
        self.is_for_queue = is_for_queue
        self.was_claimed = has_store_queue and stored is not None
        self._waits_in_store_queue = has_store_queue and is_promised
        self._keeps_order = keeps_order
        self._former_node_retries = _node_retries(record)
        self.stored = stored
        self.phase: Phase = "admitted" if stored is None else "promised"
        self.stop_reason: RunStoppedError | None = None
        self.refusal: Exception | None = None
        self.outputs: Mapping[str, Any] = {}
        self.outbox = Outbox(record.run_id, post, max_log_lines=policy.max_log_lines, saved=record.saved)
        # The context of a task that takes over a run of another worker is not that of its caller.
        self._context = copy_context() if stored is None else Context()
        self._before_end = record
        self._has_let_waiters_go = False
        self._make_event = make_event
        self._moved: LoopEvent | None = None

    # --- transitions ---

    def promise(self) -> None:
        """Note that the run is on disk."""
        self._enter("promised")
        self.stored = "queued"

    def refuse(self, refusal: Exception | None) -> None:
        """Note that the run cannot be promised because of ``refusal``; ``None``: its key stands for another run."""
        self.refusal = refusal
        self._enter("refused")

    def hand_back(self) -> None:
        """Leave the run to the next server."""
        self._enter("handed_back")

    def return_to_store_queue(self) -> None:
        """Put the run, which this worker has handed back, into the queue of the store."""
        self.outbox.put(RunChanged(record=self.record, is_released=True), is_urgent=True)

    def enqueue(self) -> None:
        """Let the run wait for a slot, for the first time or again."""
        self._enter("queued")

    def start(self) -> None:
        """Give the run a slot."""
        self._enter("starting")
        if self.record.status == "queued":
            # One that gave its slot to others was recorded as running then.
            record, now = self.record, datetime.now(UTC)
            attempt = UNSET if record.run_attempt == 1 else record.run_attempt
            self._change(
                event=RunStarted(run_id=record.run_id, at=now, attempt=attempt),
                status="running",
                started_at=record.started_at or now,
                next_attempt_at=None,
            )

    def begin(self) -> tuple[Callable[[], RunSpec], Context]:
        """Hand the run to an executor; return what reads its order, and the context of its caller, to run in."""
        self._enter("running")
        assert self._order is not None
        # Do not keep what the run runs in: its context refers to the run, which would leak.
        read_spec, context = self._order.read, self._context.copy()
        if not self._keeps_order:
            self._order = None
        elif self.record.run_attempt > 1:
            read_spec = partial(_read_again, read_spec, self.record.run_attempt)
            context.run(end_given_chunks)
        return read_spec, context

    def wait(self) -> None:
        """Let the run, which another worker left behind, wait for the time of its next attempt."""
        self._enter("waiting")

    def retry(self, error: ErrorDetail, delay_seconds: float) -> None:
        """Let the run, an attempt of which failed with ``error``, wait for the next one; callers see it as queued."""
        self._enter("waiting")
        record, now = self.record, datetime.now(UTC)
        cause = ErrorCause(type=error.type, message=error.message)
        event = RunRetried(
            run_id=record.run_id, at=now, attempt=record.run_attempt, error=cause, delay_seconds=delay_seconds
        )
        self.record = with_attempt(self.outbox.with_attempts(record), event)
        self._change(
            event=event,
            is_released=self._waits_in_store_queue,
            status="queued",
            run_attempt=record.run_attempt + 1,
            next_attempt_at=now + timedelta(seconds=delay_seconds),
            saved=self.outbox.saved,
        )

    def end(
        self,
        status: RunStatus,
        error: ErrorDetail | None = None,
        *,
        outputs: Mapping[str, Any] | None = None,
        output_problems: Mapping[str, str] | None = None,
    ) -> None:
        """The run has ended; its last event and its final record go to the writer thread as one message."""
        self._enter("ended")
        self.outputs = outputs or {}
        stored_outputs = self.outputs if self.is_promised and status == "success" else {}
        saved = self.outbox.close()
        ended = end_of(
            self.outbox.with_attempts(self.record),
            status,
            error,
            saved=saved,
            outputs=stored_outputs,
            output_problems=output_problems or {},
        )
        self._before_end, self.record = self.record, ended.record
        self.outbox.put(ended, is_urgent=self.is_promised)

    def end_stopped(self) -> None:
        """End a run that was asked to stop."""
        assert self.stop_reason is not None
        self.end(*describe_stop(self.stop_reason))

    def announce(self) -> None:
        """Let callers know the end, which is on disk if the run was promised."""
        self._enter("announced")

    def lose(self) -> None:
        """The run cannot be recorded any more; its code may go on."""
        self._enter("lost")
        self.outbox.lose()

    def _enter(self, phase: Phase) -> None:
        if phase not in TRANSITIONS[self.phase]:
            raise RuntimeError(f"Run {self.record.run_id} cannot go from '{self.phase}' to '{phase}': this is a bug.")
        was_admitted, self.phase = self.phase == "admitted", phase
        if not TRANSITIONS[phase]:
            self._order = None
            self._wake_waiters()
        elif was_admitted:
            self._wake_waiters()

    # --- facts ---

    def ask_stop(self, reason: RunStoppedError) -> None:
        """Note that the run is to stop; the first reason stays."""
        self.stop_reason = self.stop_reason or reason
        if self.phase == "running" and not self.record.is_stopping:
            self._change(is_stopping=True)

    def note_stored(self, status: RunStatus) -> None:
        """A state of that status is on disk."""
        self.stored = status

    def replace_end(self, record: RunRecord) -> None:
        """Another end was stored, since the store does not take the real one."""
        self.record, self.outputs = record, {}

    @property
    def node_retries(self) -> int:
        """How many attempts of nodes have failed in this process and were followed by another."""
        return _node_retries(self.record) - self._former_node_retries

    def may_repeat(self, *, max_attempts: int) -> bool:
        """Whether a run whose executor has lost it is to be repeated, as its caller asked."""
        order = self._order
        is_wanted = self.is_promised and isinstance(order, PackedOrder) and order.on_interrupt == "rerun"
        return is_wanted and self.record.run_attempt < max_attempts

    @property
    def remaining_seconds(self) -> float | None:
        """How long the run may still take, with all its attempts and waits; ``None`` without a limit."""
        limit, started_at = self.record.timeout_seconds, self.record.started_at
        if limit is None or started_at is None or self.record.run_attempt == 1:
            return limit
        return limit - (datetime.now(UTC) - started_at).total_seconds()

    @property
    def request_id(self) -> str | None:
        """The id of the request that brought the run, in servers that give requests an id."""
        request = self._context.get(CURRENT_REQUEST)
        return None if request is None else request.id

    @property
    def is_streamed(self) -> bool:
        """Whether the caller reads the chunks of the run."""
        return self._context.get(CHUNK_STREAM) is not None

    @property
    def order(self) -> WaitingOrder | None:
        """The order of a run that waits; ``None`` once it is not needed any more."""
        return self._order

    @property
    def order_bytes(self) -> int:
        """How much memory the order of a run that waits takes, as far as it is known."""
        return 0 if self._order is None else self._order.size_bytes

    def known_record(self) -> RunRecord:
        """Note the failed attempts of nodes, and return the record as callers may know it.

        The end of a promised run is not in it before that is on disk.
        """
        if self.phase == "running":
            self.record = self.outbox.with_attempts(self.record)
        return self._before_end if self.phase == "ended" and self.is_promised else self.record

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come of this run in this process."""
        return not TRANSITIONS[self.phase]

    async def decided(self) -> None:
        """Wait until the run is promised or refused."""
        while self.phase == "admitted":
            await self._next_move()

    async def closed(self) -> None:
        """Wait until nothing more will come of this run, or until `let_waiters_go`."""
        while not (self.is_closed or self._has_let_waiters_go):
            await self._next_move()

    def let_waiters_go(self) -> None:
        """Wake the callers that wait: the service closes, and the end may never be on disk."""
        self._has_let_waiters_go = True
        self._wake_waiters()

    async def _next_move(self) -> None:
        if self._moved is None:
            self._moved = self._make_event()
        await self._moved.wait()

    def _wake_waiters(self) -> None:
        if self._moved is not None:
            self._moved.set()
            self._moved = None

    def _change(
        self, *, event: RunStarted | RunRetried | None = None, is_released: bool = False, **changes: Any
    ) -> None:
        self.record = msgspec.structs.replace(self.outbox.with_attempts(self.record), **changes)
        changed = RunChanged(record=self.record, event=event, is_released=is_released)
        self.outbox.put(changed, is_urgent=self.is_promised and event is not None)


def _read_again(read: Callable[[], RunSpec], attempt: int) -> RunSpec:
    return msgspec.structs.replace(read(), attempt=attempt)


def _node_retries(record: RunRecord) -> int:
    return record.retry_count - (record.run_attempt - 1)
