"""A run whose caller reads what its generator nodes yield, while the run goes on."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from anyio.lowlevel import EventLoopToken, current_token

from kedro_asgi.closable_iterator import ClosableIterator
from kedro_asgi.errors import RunCancelledError
from kedro_asgi.outcome import Outcome
from kedro_asgi.runner.async_nodes import HOST_LOOP
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, Chunk
from kedro_asgi.runner.stopping import STOP_SIGNAL, StopSignal
from kedro_asgi.runs import RunSpec
from kedro_asgi.session.chunk_queue import ChunkQueue
from kedro_asgi.session.daemon_thread import start_daemon_thread
from kedro_asgi.session.event_loop import call_soon
from kedro_asgi.session.results import RunResult
from kedro_asgi.session.slots import Slots

if TYPE_CHECKING:
    from kedro_asgi.runner import AbstractRunner
    from kedro_asgi.session.async_session import AsyncSession
    from kedro_asgi.session.service_session import KedroServiceSession


class _Run(msgspec.Struct, eq=False):
    """The run behind a stream. It does not refer to the `RunStream`, which Python closes when its caller drops it."""

    spec: RunSpec
    runner: "AbstractRunner | None"
    run_id: str | None
    ended: Outcome[RunResult] | None = None

    def execute(
        self, session: "KedroServiceSession", queue: ChunkQueue, stop: StopSignal, loop: EventLoopToken
    ) -> None:
        """Execute the run in this thread; raises nothing. The context is the thread's own: nothing is set back."""
        HOST_LOOP.set(loop)
        STOP_SIGNAL.set(stop)
        CHUNK_STREAM.set(queue)
        ended = Outcome.of(partial(self._execute, session, queue))
        call_soon(loop, partial(self._end, queue, ended))

    def _execute(self, session: "KedroServiceSession", queue: ChunkQueue) -> RunResult:
        if self.spec.outputs is None:
            queue.want(session.engine.planner.plan(self.spec.slice).pipeline.steps.free_outputs)
        return session.execute(self.spec, runner=self.runner, run_id=self.run_id)

    def _end(self, queue: ChunkQueue, ended: Outcome[RunResult]) -> None:
        self.ended = ended
        queue.end()


class RunStream(ClosableIterator[Chunk]):
    """The chunks of one run, to be read once: ``async for chunk in stream``. Values are not copied.

    After the last chunk, the iteration raises what the run raised, or `result` is there. ``async with`` closes the
    stream at its end, also where the iteration was left early.
    """

    def __init__(
        self,
        session: "AsyncSession",
        slots: Slots,
        spec: RunSpec,
        *,
        runner: "AbstractRunner | None",
        run_id: str | None,
        cancel_on_close: bool,
    ) -> None:
        self._run = _Run(spec=spec, runner=runner, run_id=run_id)
        super().__init__(_read(session, slots, self._run, cancel_on_close=cancel_on_close))

    @property
    def result(self) -> RunResult:
        """The result of the run; raises what the run raised, and ``RuntimeError`` before its end."""
        if self._run.ended is None:
            raise RuntimeError("The run has not ended: read its chunks to the last one first.")
        return self._run.ended.value()


async def _read(
    session: "AsyncSession", slots: Slots, run: _Run, *, cancel_on_close: bool
) -> AsyncGenerator[Chunk, None]:
    """Yield the chunks of a run; raises what it raised."""
    opened = await session.prepare()
    queue, stop = ChunkQueue(run.spec.outputs or ()), StopSignal()
    slot = await slots.acquire()
    try:
        # No task: an iteration that is left early has no place to wait for the end of one.
        start_daemon_thread(partial(slot.run, partial(run.execute, opened, queue, stop, current_token())))
        while chunks := await queue.take():
            for chunk in chunks:
                yield chunk
    finally:
        queue.close()
        if cancel_on_close and run.ended is None:
            stop.stop(RunCancelledError())
        slot.leave()
    assert run.ended is not None
    run.ended.value()
