"""The verbs of the room of runs: run, submit, read, wait, list, follow, cancel, output."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, Unpack

import anyio
import msgspec

from kedro_asgi.dispatch.idempotency import key_of
from kedro_asgi.dispatch.life import Life
from kedro_asgi.dispatch.looks import look
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.opening import Opening
from kedro_asgi.dispatch.policy import Policy, checked
from kedro_asgi.dispatch.room import Room
from kedro_asgi.dispatch.stores import MEMORY, Store, open_store
from kedro_asgi.dispatch.stores.base import IdempotencyKey
from kedro_asgi.dispatch.tail import Stream
from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import (
    DrainingError,
    KeyReusedError,
    OutputNotFoundError,
    RunNotEndedError,
    RunNotFoundError,
    StoreUnavailableError,
    UnstorableRunError,
)
from kedro_asgi.events import Published
from kedro_asgi.runs import RunArguments, RunIds, RunOrder, RunPage, RunQuery, RunRecord, RunSpec, is_run_id
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.asynchronous import Convert

# How long a listing waits for what was just run to be written; disks of busy machines take their time.
_FLUSH_SECONDS = 5.0


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has ended, and the values of the outputs that were asked for."""

    record: RunRecord
    outputs: Mapping[str, Any] = {}


class Dispatcher:
    """Runs orders on a session: waited for (`run`), or promised and looked after (`submit`).

    ``async with Dispatcher(session, store=…) as runs`` opens it, and drains it at the end; where nobody does, the
    first call opens it, until its event loop ends, and leaves logging alone. ``store`` is a URL, a path or a `Store`;
    ``memory:`` forgets with the process. ``convert`` makes JSON (or something else for `run`) of each wanted output,
    in the run's thread. Belongs to one event loop at a time.
    """

    def __init__(
        self,
        session: AsyncSession,
        *,
        store: Store | str | Path = MEMORY,
        policy: Policy | None = None,
        convert: Convert = encode_output,
    ) -> None:
        self.policy = checked(policy or Policy())
        self.metrics = Metrics()
        self._session = session
        self._store = open_store(store) if isinstance(store, str | Path) else store
        self._convert = convert
        self._run_ids = RunIds()
        self._opening = Opening(self._make_room)

    # --- running ---

    async def run(self, order: RunOrder, *, until: Callable[[], Awaitable[None]] | None = None) -> Finished:
        """Run an order to its end and say how it ended; raises why it was not accepted, and nothing else.

        A caller who is cancelled leaves the run to itself. ``until`` returns when nobody waits for the end any more:
        then the run is cancelled.
        """
        if order.key is not None:
            return await self._run_promised(order)
        room = self._opening.room or await self._opening.needed()
        life = room.admit(order, promise=False)
        room.launch(life)
        if until is None:
            await life.settled()
        else:
            await _settled_unless(life, until, room.cancel)
        return Finished(record=life.record, outputs=life.outputs)

    async def _run_promised(self, order: RunOrder) -> Finished:
        async with self._visit():
            record, _ = await self.accept(order)
            record = await self.wait(record.run_id)
            if not record.is_final:
                # It is left to the next server, and so may be its caller: the key leads there.
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
        runtime_params: Mapping[str, Any] | None = None,
        outputs: Iterable[str] = (),
        runner: str | None = None,
        is_async: bool = False,
        **arguments: Unpack[RunArguments],
    ) -> RunRecord:
        """Promise a run and return its record; ``outputs`` are kept.

        Raises what `accept` raises, and `UnstorableRunError` for an argument of a wrong type.
        """
        spec = RunSpec.of(
            pipeline_names,
            runtime_params=runtime_params,
            outputs=outputs,
            runner=runner,
            is_async=is_async,
            **arguments,
        )
        order = {
            "spec": spec,
            "labels": labels or {},
            "timeout_seconds": timeout_seconds,
            "on_interrupt": on_interrupt,
            "key": key,
        }
        try:
            # Now: what cannot be read again would be found out by whoever takes the run over.
            return (await self.accept(msgspec.convert(order, RunOrder)))[0]
        except msgspec.ValidationError as error:
            raise UnstorableRunError(str(error)) from error

    async def accept(self, order: RunOrder) -> tuple[RunRecord, bool]:
        """Promise a run; also says whether it is a new one. What is returned is on disk.

        Raises `QueueFullError`, `DrainingError`, `StoreUnavailableError`, `KeyReusedError` or `UnstorableRunError`.
        """
        async with self._visit() as room:
            return await self._accept(room, order)

    async def _accept(self, room: Room, order: RunOrder) -> tuple[RunRecord, bool]:
        run_id = self._run_ids.next()
        key = await look(lambda: key_of(order, run_id, self.policy)) if order.key is not None else None
        if key is not None and (known := await self._known(room, key)) is not None:
            return known, False
        life = room.admit(order, run_id=run_id, key=key, promise=True)
        record = life.record
        await room.promise(life)
        if key is not None and life.verdict == "conflict":
            # Somebody else was faster, a moment ago.
            known = await self._known(room, key)
            return (known, False) if known is not None else await self._accept(room, order)
        return record, True

    async def _known(self, room: Room, key: IdempotencyKey) -> RunRecord | None:
        found = await look(lambda: self._store.read_key(key.key, not_before_ms=key.not_before_ms))
        if found is None:
            return None
        if found.digest != key.digest:
            raise KeyReusedError(key.key)
        return await self._read(room, found.run_id)

    # --- looking ---

    async def read(self, run_id: str) -> RunRecord:
        """Return what is known of a run; raises `RunNotFoundError`."""
        async with self._visit() as room:
            return await self._read(room, run_id)

    async def _read(self, room: Room, run_id: str) -> RunRecord:
        life = room.lives.get(run_id)
        if life is not None and not life.is_handed_back:
            return life.known
        # What cannot be a run's name is not asked for: there is text that databases do not take.
        record = await look(lambda: self._store.read_run(run_id)) if is_run_id(run_id) else None
        if record is None:
            raise RunNotFoundError(run_id)
        return record

    async def wait(self, run_id: str, *, timeout_seconds: float | None = None) -> RunRecord:
        """Return the record when the run has ended, or as it is after ``timeout_seconds`` or when the room closes."""
        async with self._visit() as room:
            return await self._wait(room, run_id, timeout_seconds)

    async def _wait(self, room: Room, run_id: str, timeout_seconds: float | None) -> RunRecord:
        record = await self._read(room, run_id)
        with anyio.move_on_after(timeout_seconds):
            while not record.is_final and not room.is_closed:
                await self._wait_for_end(room, run_id)
                record = await self._read(room, run_id)
        return record if record.is_final else await self._read(room, run_id)

    async def _wait_for_end(self, room: Room, run_id: str) -> None:
        life = room.lives.get(run_id)
        if life is not None and not life.is_settled:
            await life.settled()
            return
        async with aclosing(self._told_of(room, run_id)) as stream:
            async for _ in stream:
                pass
        if not room.is_closed:
            await anyio.sleep(self.policy.look_seconds)

    async def list(self, query: RunQuery) -> RunPage:
        """Return runs, newest first."""
        async with self._visit() as room:
            if room.journal.failure is None:
                with anyio.move_on_after(_FLUSH_SECONDS):
                    await room.journal.flushed()
            return await look(lambda: self._store.list_runs(query))

    async def output(self, run_id: str, name: str) -> bytes:
        """Return a kept output as JSON; raises `RunNotEndedError` or `OutputNotFoundError`."""
        async with self._visit() as room:
            record = await self._read(room, run_id)
            if not record.is_final:
                raise RunNotEndedError(run_id, record.status)
            value = await look(lambda: self._store.read_output(run_id, name)) if name in record.outputs else None
            if value is None:
                raise OutputNotFoundError(run_id, name, record.outputs)
            return value

    async def follow(
        self, run_id: str | None = None, *, after: int = 0, position: str | None = None
    ) -> AsyncGenerator[Published, None]:
        """Tell the events of a run behind number ``after`` until it ends, or those of all runs behind ``position``.

        Without ``position``, the events of all runs are told from now on. A reader that falls behind loses events
        and is told so. The stream also ends when the room closes. Raises `RunNotFoundError`.
        """
        async with aclosing(self.follow_in_groups(run_id, after=after, position=position)) as groups:
            async for events in groups:
                for event in events:
                    yield event

    async def follow_in_groups(
        self, run_id: str | None = None, *, after: int = 0, position: str | None = None
    ) -> AsyncGenerator[Sequence[Published], None]:
        """Tell what `follow` tells, all that is there at a time."""
        room = self._opening.room or await self._opening.needed()
        # Who comes as the store is closed finds nothing any more: the room closes.
        with suppress(DrainingError):
            if run_id is not None:
                await self.read(run_id)
            stream = (
                room.tail.follow_all(after=position) if run_id is None else self._told_of(room, run_id, after=after)
            )
            async with aclosing(stream):
                async for events in stream:
                    yield events

    def _told_of(self, room: Room, run_id: str, *, after: int = 0) -> Stream:
        return room.tail.follow_run(run_id, after=after, is_over=lambda: self._is_over(room, run_id))

    async def _is_over(self, room: Room, run_id: str) -> bool:
        with room.visits.one():
            record = await look(lambda: self._store.read_run(run_id))
        return record is not None and record.is_final

    # --- stopping ---

    async def cancel(self, run_id: str) -> RunRecord:
        """Ask a run to stop, whichever worker has it, and return its record; nothing happens to one that has ended.

        A queued run has ended when this returns; a running one ends before its next node.
        """
        async with self._visit() as room:
            record = await self._read(room, run_id)
            if record.is_final:
                return record
            is_ours = run_id in room.lives
            try:
                await look(lambda: self._store.request_cancel(run_id))
            except StoreUnavailableError:
                if not is_ours:
                    raise
            room.cancel(run_id)
            patience = 4 * self.policy.look_seconds if record.status == "queued" or not is_ours else 0
            return await self._wait(room, run_id, patience)

    async def drain(self, *, grace_seconds: float | None = None) -> None:
        """Accept nothing more, and return when all that ran has ended, at the latest after the grace."""
        if self._opening.room is not None:
            await self._opening.room.drain(self.policy.grace_seconds if grace_seconds is None else grace_seconds)

    # --- the room itself ---

    @property
    def is_draining(self) -> bool:
        """Whether nothing more is accepted."""
        return self._opening.room is not None and self._opening.room.is_draining

    @property
    def failure(self) -> str | None:
        """Why the store is not available."""
        return None if self._opening.room is None else self._opening.room.journal.failure

    def gauges(self) -> dict[str, float]:
        """What the room is doing at this moment."""
        return {} if self._opening.room is None else self._opening.room.gauges()

    # --- opening and closing ---

    async def __aenter__(self) -> Self:
        await self._opening.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opening.close(kind, error, trace)

    @asynccontextmanager
    async def _visit(self) -> AsyncIterator[Room]:
        """Have the room, whose store is not closed while this block lasts."""
        room = self._opening.room or await self._opening.needed()
        with room.visits.one():
            yield room

    def _make_room(self) -> Room:
        return Room(self._session, self._store, self.policy, self.metrics, self._run_ids, convert=self._convert)


async def _settled_unless(life: Life, until: Callable[[], Awaitable[None]], cancel: Callable[[str], None]) -> None:
    """Wait for a run's end; cancel it when ``until`` returns first."""

    async def watch() -> None:
        await until()
        cancel(life.record.run_id)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await life.settled()
        tasks.cancel_scope.cancel()
