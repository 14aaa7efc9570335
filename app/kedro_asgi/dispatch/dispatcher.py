"""The verbs of callers: run, submit, read, wait, list, follow, cancel, output."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Literal, TypeVar, Unpack

import anyio
import msgspec

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.argument_checks import check_order
from kedro_asgi.dispatch.idempotency import promise_once
from kedro_asgi.dispatch.kept_outputs import is_columnar
from kedro_asgi.dispatch.owned_runs import OwnedRuns
from kedro_asgi.dispatch.reading_worker import ReadingWorker
from kedro_asgi.dispatch.rerun_order import repeated_order
from kedro_asgi.dispatch.run_reads import read_run, wait_for_run
from kedro_asgi.dispatch.stored_values import readable_order, storable
from kedro_asgi.dispatch.stores.notifications import (
    StoredNotification,
)
from kedro_asgi.dispatch.waiting_order import GivenOrder, PackedOrder, WaitingOrder
from kedro_asgi.errors import DrainingError, StoreUnavailableError
from kedro_asgi.outcome import Outcome
from kedro_asgi.run_arguments import ParameterArguments, pop_params
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM
from kedro_asgi.runs import RunId, RunOrder, RunRecord, RunSpec
from kedro_asgi.tables.arrow_table import table_bytes

T = TypeVar("T")

# An order of at most this size waits as values, which take a few kilobytes: to pack and read it as JSON takes a tenth
# of a short run.
_MAX_GIVEN_BYTES = 1024


class Finished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A run that has ended, and the values of the outputs that its caller asked for."""

    record: RunRecord
    outputs: Mapping[str, Any] = {}


class Dispatcher(ReadingWorker):
    """A worker with callers: they wait for a run (`run`), or get a promise that is on disk (`submit`).

    ``async with Dispatcher(session, store=…) as runs`` opens it; see `Worker` for its arguments, and for other ways.
    """

    # --- running ---

    async def run(
        self,
        order: RunOrder,
        *,
        until: Callable[[], Awaitable[None]] | None = None,
        json_bytes: int | None = None,
        accepted: Callable[[RunId], None] | None = None,
    ) -> Finished:
        """Run an order to its end and return how it ended; raises only the reasons for which it is not accepted.

        The run goes on if its caller is cancelled. The run is cancelled when ``until`` returns. ``json_bytes``: the
        values of ``order`` came from JSON of that size, so they may be kept as JSON while the run waits. ``accepted``
        is called with the id of the run once that is accepted. If the caller's context has a `ChunkStream`, the run is
        not joined with others, and the stream gets the chunks of its nodes if this worker executes it.
        """
        check_order(order)
        service = await self.service()
        if order.key is not None or service.store_queue.has_all:
            record, _ = await self.accept(order, json_bytes=json_bytes)
            del order  # its values may be large, and the run may wait for long
            if accepted is not None:
                accepted(record.run_id)
            return await self._finished(record.run_id, until)
        waiting: WaitingOrder | None = None
        if self.batching is not None and CHUNK_STREAM.get() is None:
            waiting = self.batching.member_order(order, json_bytes=json_bytes)
        if waiting is None:
            size_bytes = table_bytes(order.spec.inputs) if json_bytes is None else json_bytes
            waiting = GivenOrder(read=partial(getattr, order, "spec"), size_bytes=size_bytes)
            if json_bytes is not None and waiting.size_bytes > _MAX_GIVEN_BYTES and service.scheduler.is_busy:
                waiting = await service.packer.pack(order, is_from_json=True, json_bytes=json_bytes)
        run = service.runs.start(order, waiting)
        del order, waiting
        if accepted is not None:
            accepted(run.record.run_id)
        if until is None:
            await run.closed()
        else:
            await _unless(until, partial(_cancel, service.runs, run), run.closed)
        return Finished(record=run.record, outputs=run.outputs)

    async def _finished(self, run_id: str, until: Callable[[], Awaitable[None]] | None) -> Finished:
        service = await self.service()
        with service.access.reading():
            if until is None:
                record = await self.wait(run_id)
            else:
                record = await _unless(until, partial(self.cancel, run_id), partial(self.wait, run_id))
            if not record.is_final:
                # The next server runs it. The caller can ask there with the same key.
                raise DrainingError
            kept = {name: await self.output(record.run_id, name) for name in record.outputs}
            outputs = {name: value if is_columnar(value) else msgspec.Raw(value) for name, value in kept.items()}
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
        order = readable_order(
            spec=RunSpec.of(pipeline_names, outputs=outputs, runner=runner, is_async=is_async, **given),
            labels=labels or {},
            timeout_seconds=timeout_seconds,
            on_interrupt=on_interrupt,
            key=key,
        )
        return (await self.accept(order))[0]

    async def accept(self, order: RunOrder, *, json_bytes: int | None = None) -> tuple[RunRecord, bool]:
        """Promise a run; return its record, which is on disk, and whether the run is new.

        ``json_bytes``: the values of ``order`` came from JSON of that size. Raises `QueueFullError`, `DrainingError`,
        `StoreUnavailableError`, `KeyReusedError`, `UnstorableRunError` or `OutOfRangeError`.
        """
        check_order(order)
        service = await self.service()

        async def pack() -> tuple[RunOrder, PackedOrder]:
            is_from_json = json_bytes is not None
            return order, await service.packer.pack(order, is_from_json=is_from_json, json_bytes=json_bytes)

        with service.access.reading():
            asked = order if order.key is None else msgspec.structs.replace(order, key=None)
            return await promise_once(service, order.key, asked, pack)

    async def rerun(self, run_id: str, *, from_failure: bool = False, key: str | None = None) -> tuple[RunRecord, bool]:
        """Promise a run that repeats another one, with its order; return its record, and whether the run is new.

        ``from_failure`` runs only the nodes that the other one has not finished, and what follows, with the datasets
        that it has saved. Raises `RunNotFoundError`, `RunNotEndedError`, `OrderNotKeptError`, `NothingToResumeError`,
        and what `accept` raises.
        """
        check_order(RunOrder(key=key))
        service = await self.service()

        async def pack() -> tuple[RunOrder, PackedOrder]:
            order = await repeated_order(service, self._session, run_id, from_failure=from_failure)
            return order, await service.packer.pack(order, is_from_json=True)

        with service.access.reading():
            return await promise_once(service, key, ("rerun", run_id, from_failure), pack)

    # --- notifications of webhooks ---

    async def send_notification_again(self, notification_id: str) -> StoredNotification:
        """Have a failed notification tried again; raises `NotificationNotFoundError` or `WebhookNotFoundError`."""
        # Few services tell webhooks of anything.
        from kedro_asgi.dispatch.webhooks.administration import send_again

        service = await self.service()
        with service.access.reading():
            return await send_again(service, self._notify, notification_id)

    # --- stopping ---

    async def cancel(self, run_id: str) -> RunRecord:
        """Ask a run of any worker to stop, and return its record; a run that has ended stays as it is.

        A queued run has ended when this returns; a running one ends before its next node.
        """
        service = await self.service()
        with service.access.reading():
            record = await read_run(service, run_id)
            if record.is_final:
                return record
            is_ours = run_id in service.runs
            service.runs.cancel(run_id)
            try:
                # Also for a run of this worker: a worker that adopts it must know.
                await service.recorder.execute(lambda store: store.request_cancel(run_id))
            except StoreUnavailableError:
                if not is_ours:
                    raise
            if not is_ours and record.status == "queued":
                await service.recovery.cancel_in_store_queue(run_id)
            patience = 4 * self.policy.look_seconds if record.status == "queued" or not is_ours else 0
            return await wait_for_run(service, run_id, patience)


async def _cancel(runs: OwnedRuns, run: ActiveRun) -> None:
    runs.cancel(run.record.run_id)


async def _unless(
    until: Callable[[], Awaitable[None]], cancel: Callable[[], Awaitable[object]], wait: Callable[[], Awaitable[T]]
) -> T:
    """Wait for the end of a run and return what ``wait`` returns; cancel the run when ``until`` returns first."""

    async def watch() -> None:
        await until()
        # The caller is gone and need not learn that the run cannot be cancelled now.
        with suppress(StoreUnavailableError, DrainingError):
            await cancel()

    outcome: Outcome[T]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        try:
            outcome = Outcome(result=await wait())
        except Exception as error:
            # Raised below: out of the group it would come as a group.
            outcome = Outcome(error=error)
        tasks.cancel_scope.cancel()
    return outcome.value()
