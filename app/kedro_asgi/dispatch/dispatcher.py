"""The verbs of callers: run, submit, read, wait, list, follow, cancel, output."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

import anyio
import msgspec

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.executors.base import Executor
from kedro_asgi.dispatch.executors.selection import ExecutorChoice
from kedro_asgi.dispatch.executors.selection import make_executor as _make_executor
from kedro_asgi.dispatch.idempotency import look_up
from kedro_asgi.dispatch.metrics import Metrics, RunMetrics
from kedro_asgi.dispatch.policy import Policy, checked
from kedro_asgi.dispatch.ranges import check_event_number, check_order, check_query, wait_seconds
from kedro_asgi.dispatch.reading import list_node_runs, list_runs, read_output, read_run, wait_for_run
from kedro_asgi.dispatch.repetition import repeated_order
from kedro_asgi.dispatch.service import Service
from kedro_asgi.dispatch.service_lifetime import ServiceLifetime
from kedro_asgi.dispatch.storable import storable
from kedro_asgi.dispatch.stores import MEMORY, Store, open_store
from kedro_asgi.dispatch.stores.notifications import NotificationState, StoredNotification
from kedro_asgi.dispatch.waiting_order import GivenOrder, WaitingOrder
from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import (
    DrainingError,
    StoreUnavailableError,
    UnstorableRunError,
)
from kedro_asgi.events import Published
from kedro_asgi.node_runs import NodeRun
from kedro_asgi.runs import (
    ParameterArguments,
    RunIds,
    RunOrder,
    RunPage,
    RunQuery,
    RunRecord,
    RunSpec,
    pop_params,
)
from kedro_asgi.session import AsyncSession, Convert
from kedro_asgi.session.event_loop import has_ended
from kedro_asgi.webhook_options import is_webhook_name

if TYPE_CHECKING:
    from kedro_asgi.dispatch.webhooks.notify import Notify

# The values of such an order take a few kilobytes while it waits; to pack and read it takes a tenth of a short run.
_MAX_GIVEN_BYTES = 1024
_ALL_RUNS = RunQuery()
_IN_THREADS = ExecutorChoice()


class Finished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A run that has ended, and the values of the outputs that its caller asked for."""

    record: RunRecord
    outputs: Mapping[str, Any] = {}


class Dispatcher:
    """Runs orders on a session: the caller waits (`run`), or gets a promise that is on disk (`submit`).

    ``async with Dispatcher(session, store=…) as runs`` opens it, and drains it at the end; without such a block, the
    first call opens it, until its event loop ends, and leaves logging alone. ``store`` is a URL, a path or a `Store`;
    ``memory:`` forgets with the process. ``convert`` makes JSON (or something else for `run`) of each wanted output,
    where the run is executed; ``executor`` says where that is, by default in threads of this process, unless
    ``make_executor`` makes another executor. ``with_metrics`` counts runs. ``notify`` names the webhooks that are told
    of the ends of runs. Belongs to one event loop at a time.
    """

    def __init__(
        self,
        session: AsyncSession,
        *,
        store: Store | str | Path = MEMORY,
        policy: Policy | None = None,
        convert: Convert = encode_output,
        executor: ExecutorChoice = _IN_THREADS,
        make_executor: Callable[[], Executor] | None = None,
        with_metrics: bool = True,
        notify: "Notify | None" = None,
    ) -> None:
        self.policy = checked(policy or Policy())
        self.metrics = RunMetrics(session.has_pipeline) if with_metrics else Metrics()
        self._store = open_store(store) if isinstance(store, str | Path) else store
        if make_executor is None:
            executor.check(self.policy)
        self._make_executor = make_executor or partial(_make_executor, session, convert, self.policy, executor)
        self._session = session
        self._notify = notify
        self._run_ids = RunIds()
        self._read_env = lambda: session.env
        self._may_retry = session.may_retry
        self._lifetime = ServiceLifetime(self._make_service)

    # --- running ---

    async def run(
        self, order: RunOrder, *, until: Callable[[], Awaitable[None]] | None = None, json_bytes: int | None = None
    ) -> Finished:
        """Run an order to its end and return how it ended; raises only the reasons for which it is not accepted.

        The run goes on if its caller is cancelled. The run is cancelled when ``until`` returns. ``json_bytes``: the
        values of ``order`` came from JSON of that size, so they may be kept as JSON while the run waits.
        """
        check_order(order)
        if order.key is not None:
            record, _ = await self.accept(order, json_bytes=json_bytes)
            del order  # its values may be large, and the run may wait for long
            return await self._finished(record.run_id)
        service = await self._open()
        waiting: WaitingOrder = GivenOrder(read=partial(getattr, order, "spec"), size_bytes=json_bytes or 0)
        if waiting.size_bytes > _MAX_GIVEN_BYTES and service.scheduler.is_busy:
            waiting = await service.pack(order, is_from_json=True, json_bytes=json_bytes)
        run = service.start(order, waiting)
        del order, waiting
        if until is None:
            await run.closed()
        else:
            await _closed_unless(run, until, service.cancel)
        return Finished(record=run.record, outputs=run.outputs)

    async def _finished(self, run_id: str) -> Finished:
        service = await self._open()
        with service.access.reading():
            record = await self.wait(run_id)
            if not record.is_final:
                # The next server runs it. The caller can ask there with the same key.
                raise DrainingError
            outputs = {name: msgspec.Raw(await self.output(record.run_id, name)) for name in record.outputs}
            return Finished(record=record, outputs=outputs)

    async def submit(
        self,
        pipeline_names: Iterable[str] | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        on_interrupt: Literal["mark", "rerun"] = "mark",
        key: str | None = None,
        outputs: Iterable[str] = (),
        runner: str | None = None,
        is_async: bool = False,
        **arguments: Unpack[ParameterArguments],
    ) -> RunRecord:
        """Promise a run and return its record; ``outputs`` are kept.

        The run gets ``inputs`` and ``params`` as they are stored: a frame becomes records, of which a dataset that
        loads frames makes a frame again. Raises what `accept` raises, and `UnstorableRunError` for an argument of a
        wrong type.
        """
        given: dict[str, Any] = {**arguments}
        given["runtime_params"] = await storable(pop_params(given))
        given["inputs"] = await storable(arguments.get("inputs"))
        spec = RunSpec.of(
            pipeline_names,
            outputs=outputs,
            runner=runner,
            is_async=is_async,
            **given,
        )
        order = {
            "spec": spec,
            "labels": labels or {},
            "timeout_seconds": timeout_seconds,
            "on_interrupt": on_interrupt,
            "key": key,
        }
        try:
            # Checked now: the worker that takes the run over has to read the order again.
            return (await self.accept(msgspec.convert(order, RunOrder)))[0]
        except msgspec.ValidationError as error:
            raise UnstorableRunError(str(error)) from error

    async def accept(self, order: RunOrder, *, json_bytes: int | None = None) -> tuple[RunRecord, bool]:
        """Promise a run; return its record, which is on disk, and whether the run is new.

        ``json_bytes``: the values of ``order`` came from JSON of that size. Raises `QueueFullError`, `DrainingError`,
        `StoreUnavailableError`, `KeyReusedError`, `UnstorableRunError` or `OutOfRangeError`.
        """
        check_order(order)
        service = await self._open()
        with service.access.reading():
            run_id, key = self._run_ids.next(), None
            if (text := order.key) is not None:
                asked = msgspec.structs.replace(order, key=None)
                key, known = await service.access.read(lambda store: look_up(store, text, asked, run_id, self.policy))
                if known is not None:
                    return await read_run(service, known), False
            packed = await service.pack(order, is_from_json=json_bytes is not None, json_bytes=json_bytes)
            record = await service.promise(order, packed, run_id, key)
            # Without a record: another caller has stored the same key a moment ago.
            return (record, True) if record is not None else await self.accept(order, json_bytes=json_bytes)

    async def rerun(self, run_id: str, *, from_failure: bool = False, key: str | None = None) -> tuple[RunRecord, bool]:
        """Promise a run that repeats another one, with its order; return its record, and whether the run is new.

        ``from_failure`` runs only the nodes that the other one has not finished, and what follows, with the datasets
        that it has saved. Raises `RunNotFoundError`, `RunNotEndedError`, `OrderNotKeptError`, `NothingToResumeError`,
        and what `accept` raises.
        """
        check_order(RunOrder(key=key))
        service = await self._open()
        with service.access.reading():
            new_id, stored_key = self._run_ids.next(), None
            if key is not None:
                asked = ("rerun", run_id, from_failure)
                stored_key, known = await service.access.read(
                    lambda store: look_up(store, key, asked, new_id, self.policy)
                )
                if known is not None:
                    return await read_run(service, known), False
            order = await repeated_order(service, self._session, run_id, from_failure=from_failure)
            packed = await service.pack(order, is_from_json=True)
            record = await service.promise(order, packed, new_id, stored_key)
        return (record, True) if record is not None else await self.rerun(run_id, from_failure=from_failure, key=key)

    # --- reading ---

    async def read(self, run_id: str) -> RunRecord:
        """Return the record of a run; raises `RunNotFoundError`."""
        service = await self._open()
        with service.access.reading():
            return await read_run(service, run_id)

    async def wait(self, run_id: str, *, timeout_seconds: float | None = None) -> RunRecord:
        """Return the record when the run has ended, after ``timeout_seconds``, or when the service closes."""
        service = await self._open()
        with service.access.reading():
            return await wait_for_run(service, run_id, timeout_seconds)

    async def list(self, query: RunQuery = _ALL_RUNS) -> RunPage:
        """Return runs, newest first; raises `OutOfRangeError`."""
        check_query(query)
        service = await self._open()
        with service.access.reading():
            return await list_runs(service, query)

    async def node_runs(self, run_id: str) -> tuple[NodeRun, ...]:
        """Return the nodes that a run has started, in that order; raises `RunNotFoundError`."""
        service = await self._open()
        with service.access.reading():
            return await list_node_runs(service, run_id)

    async def output(self, run_id: str, name: str) -> bytes:
        """Return a kept output as JSON; raises `RunNotEndedError` or `OutputNotFoundError`."""
        service = await self._open()
        with service.access.reading():
            return await read_output(service, run_id, name)

    async def follow(
        self, run_id: str | None = None, *, after: int = 0, position: str | None = None
    ) -> AsyncGenerator[Published, None]:
        """Yield the events of a run after number ``after`` until it ends, or those of all runs after ``position``.

        Without ``position``, the events of all runs begin now. A reader that is too slow loses events and gets an
        `EventsLost`. The stream also ends when the service closes. Raises `RunNotFoundError` or `OutOfRangeError`.
        """
        async with aclosing(self.follow_in_groups(run_id, after=after, position=position)) as groups:
            async for events in groups:
                for event in events:
                    yield event

    async def follow_in_groups(
        self, run_id: str | None = None, *, after: int = 0, position: str | None = None
    ) -> AsyncGenerator[Sequence[Published], None]:
        """Yield the events of `follow` in groups: all that are available at a time."""
        check_event_number(after)
        service = await self._open()
        # A caller that arrives while the store closes gets no events.
        with suppress(DrainingError):
            if run_id is not None:
                await self.read(run_id)
            feed = service.feed
            stream = feed.follow_all(after=position) if run_id is None else feed.follow_run(run_id, after=after)
            async with aclosing(stream):
                async for events in stream:
                    yield events

    # --- notifications of webhooks ---

    async def notifications(
        self, *, state: NotificationState | None = None, webhook: str | None = None, limit: int = 50
    ) -> tuple[StoredNotification, ...]:
        """Return notifications that are not delivered, those of the newest runs first."""
        service = await self._open()
        if webhook is not None and not is_webhook_name(webhook):
            # Only names go to the store: there is text that databases do not take.
            return ()
        with service.access.reading():
            return tuple(
                await service.access.read(
                    lambda store: store.list_notifications(state=state, webhook=webhook, limit=limit)
                )
            )

    async def count_notifications(self) -> Mapping[tuple[str, NotificationState], int]:
        """Return how many notifications that are not delivered each webhook has in each state."""
        service = await self._open()
        with service.access.reading():
            return await service.access.read(lambda store: store.count_notifications())

    async def send_notification_again(self, notification_id: str) -> StoredNotification:
        """Have a failed notification tried again; raises `NotificationNotFoundError` or `WebhookNotFoundError`."""
        # Few services tell webhooks of anything.
        from kedro_asgi.dispatch.webhooks.administration import send_again

        service = await self._open()
        with service.access.reading():
            return await send_again(service, self._notify, notification_id)

    # --- stopping ---

    async def cancel(self, run_id: str) -> RunRecord:
        """Ask a run of any worker to stop, and return its record; a run that has ended stays as it is.

        A queued run has ended when this returns; a running one ends before its next node.
        """
        service = await self._open()
        with service.access.reading():
            record = await read_run(service, run_id)
            if record.is_final:
                return record
            is_ours = run_id in service.runs
            service.cancel(run_id)
            try:
                # Also for a run of this worker: a worker that adopts it must know.
                await service.recorder.execute(lambda store: store.request_cancel(run_id))
            except StoreUnavailableError:
                if not is_ours:
                    raise
            patience = 4 * self.policy.look_seconds if record.status == "queued" or not is_ours else 0
            return await wait_for_run(service, run_id, patience)

    async def drain(self, *, grace_seconds: float | None = None) -> None:
        """Accept no more runs, and return when all running ones have ended; stop them after ``grace_seconds``."""
        if self._service is not None:
            seconds = wait_seconds(self.policy.grace_seconds if grace_seconds is None else grace_seconds)
            await self._service.drain(seconds)

    # --- the service itself ---

    @property
    def _service(self) -> Service | None:
        """The service, if it is open and its event loop was not closed over it."""
        opened = self._lifetime.current
        return None if opened is None or has_ended(opened.loop) else opened.service

    @property
    def is_draining(self) -> bool:
        """Whether the service accepts no more runs."""
        return self._service is not None and self._service.is_draining

    @property
    def is_starting(self) -> bool:
        """Whether the processes of runs have not opened the project yet."""
        return self._service is not None and not self._service.is_executor_open

    @property
    def is_stuck(self) -> bool:
        """Whether every slot is taken by a run that was asked to stop and does not."""
        return self._service is not None and self._service.scheduler.is_stuck

    @property
    def failure(self) -> str | None:
        """Why the store is not available."""
        return None if self._service is None else self._service.recorder.failure

    def gauges(self) -> dict[str, float]:
        """Return figures of the service at this moment."""
        return {} if self._service is None else self._service.gauges()

    # --- opening and closing ---

    async def __aenter__(self) -> Self:
        await self._lifetime.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._lifetime.close(kind, error, trace)

    async def aclose(self) -> None:
        """Drain and close the service, as the end of the block does; without one, do nothing. A later call opens one.

        The task that entered a block must also leave it so.
        """
        await self._lifetime.close_any()

    async def service(self) -> Service:
        """Return the open service, for other rooms that begin runs; opens one if there is none."""
        return await self._open()

    async def _open(self) -> Service:
        """Return the open service; opens one if there is none."""
        return self._service or await self._lifetime.needed()

    def _make_service(self) -> Service:
        return Service(
            self._store,
            self.policy,
            self.metrics,
            self._run_ids,
            make_executor=self._make_executor,
            read_env=self._read_env,
            may_retry=self._may_retry,
            notify=self._notify,
        )


async def _closed_unless(run: ActiveRun, until: Callable[[], Awaitable[None]], cancel: Callable[[str], None]) -> None:
    """Wait for a run's end; cancel it when ``until`` returns first."""

    async def watch() -> None:
        await until()
        cancel(run.record.run_id)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await run.closed()
        tasks.cancel_scope.cancel()
