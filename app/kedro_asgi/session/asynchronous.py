"""Sessions for async code: each run is one hop into a worker thread."""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, Unpack, cast

import anyio
import anyio.to_thread
import msgspec
from anyio import from_thread
from anyio.lowlevel import EventLoopToken, current_token

from kedro_asgi.events import Emit
from kedro_asgi.inspection import inspect_project
from kedro_asgi.io.dataset_protocols import is_persistent
from kedro_asgi.runner import AbstractRunner
from kedro_asgi.runner.async_nodes import HOST_LOOP
from kedro_asgi.runner.stopping import STOP, StopSignal
from kedro_asgi.runs import RunArguments, RunId, RunSpec
from kedro_asgi.session.engine import RunEnd
from kedro_asgi.session.service import KedroServiceSession
from kedro_asgi.session.slots import Slots
from kedro_asgi.snapshots import ProjectSnapshot

T = TypeVar("T")
Convert = Callable[[str, Any], Any]

# As many as Kedro's server runs at a time (SRV-35).
DEFAULT_CONCURRENCY = 40


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """A run that succeeded; ``outputs`` holds the loaded values by dataset name."""

    run_id: RunId
    duration_ms: float
    outputs: Mapping[str, Any]


class AsyncSession:
    """Runs a project from async code, under asyncio or trio; safe to share between any number of tasks.

    Nothing of the project is read before the first run (or `prepare`), which creates the one
    `KedroServiceSession` that all runs share. At most ``max_concurrency`` runs are in a thread at a time; a run that
    is cancelled, in whatever way, keeps its thread, and its place, until it really ends.
    """

    def __init__(
        self, create: Callable[[], KedroServiceSession], *, max_concurrency: int = DEFAULT_CONCURRENCY
    ) -> None:
        self._create = create
        self._ready: Outcome[KedroServiceSession] | None = None
        self._lock = anyio.Lock()
        self._creating = threading.Lock()
        self._places = Slots(max_concurrency)

    @classmethod
    def create(
        cls,
        project_path: str | Path | None = None,
        *,
        env: str | None = None,
        conf_source: str | Path | None = None,
        max_concurrency: int = DEFAULT_CONCURRENCY,
        preload: Iterable[str] | None = None,
    ) -> Self:
        """Return a session of the project at ``project_path``; reads nothing yet, so it raises nothing yet.

        ``preload`` is that of `KedroServiceSession.create`.
        """

        def create() -> KedroServiceSession:
            return KedroServiceSession.create(
                project_path=project_path, env=env, conf_source=conf_source, serving_mode=True, preload=preload
            )

        return cls(create, max_concurrency=max_concurrency)

    async def prepare(self) -> KedroServiceSession:
        """Create the service session now; concurrent callers get the same one.

        Raises what opening the project raised; nothing is kept then, and the next call tries again (SRV-7).
        """
        return (await self._prepare()).value()

    async def open(self) -> "Outcome[KedroServiceSession]":
        """Do what `prepare` does, but raise nothing but cancellation."""
        return await self._prepare()

    async def _prepare(self) -> "Outcome[KedroServiceSession]":
        if self._ready is None:
            async with self._lock:
                if self._ready is None:
                    return await self._in_thread(self._created)
        return self._ready

    def _created(self) -> KedroServiceSession:
        """Create the service session, in this thread; who asked before may be gone, and is waited for all the same."""
        with self._creating:
            if self._ready is None:
                self._ready = Outcome(result=self._create())
            return self._ready.value()

    async def run(
        self,
        pipeline_names: Iterable[str] | None = None,
        *,
        runner: AbstractRunner | None = None,
        runtime_params: Mapping[str, Any] | None = None,
        outputs: Iterable[str] | None = None,
        run_id: str | None = None,
        **arguments: Unpack[RunArguments],
    ) -> RunResult:
        """Run pipelines and return the values of ``outputs``, or of the free outputs that live in memory.

        ``inputs`` replaces datasets for this run; ``outputs`` may name any dataset that the run uses. Raises what
        the run raised.
        """
        spec = RunSpec.of(pipeline_names, runtime_params=runtime_params, outputs=outputs, **arguments)
        return (await self.execute(spec, runner=runner, run_id=run_id)).value()

    async def execute(
        self,
        spec: RunSpec,
        *,
        runner: AbstractRunner | None = None,
        run_id: str | None = None,
        convert: Convert | None = None,
        emit: Emit | None = None,
    ) -> "Outcome[RunResult]":
        """Run ``spec`` to its end and return how it ended; raises nothing but cancellation.

        ``convert`` is applied to each output, and ``emit`` is called, in the worker thread.
        """
        opened = await self._prepare()
        if opened.error is not None:
            return Outcome(error=opened.error)
        session = opened.value()
        return await self._in_thread(
            lambda: _run(session, spec, runner=runner, run_id=run_id, convert=convert, emit=emit)
        )

    def execute_here(
        self,
        spec: RunSpec,
        *,
        host: EventLoopToken,
        run_id: str,
        convert: Convert,
        emit: Emit,
        stop: StopSignal,
    ) -> "Outcome[RunResult]":
        """Run ``spec`` in the calling thread, which is not an event loop's, and return how it ended; raises nothing.

        Who calls limits how many go at a time. Async nodes are awaited on ``host``, where the session is also opened
        if it is not yet. ``stop`` asks the run to end before its next node.
        """
        HOST_LOOP.set(host)
        STOP.set(stop)
        opened = self._ready or Outcome.of(lambda: from_thread.run(self.prepare, token=host))
        if opened.error is not None:
            return Outcome(error=opened.error)
        session = opened.value()
        return Outcome.of(lambda: _run(session, spec, runner=None, run_id=run_id, convert=convert, emit=emit))

    async def inspect(self, read_params: Callable[[], Mapping[str, Any]] = dict) -> "Outcome[ProjectSnapshot]":
        """Return the snapshot of the project, with the runtime parameters that ``read_params`` gives applied.

        Raises nothing but cancellation: what kept the snapshot from being taken is in the outcome.
        """
        opened = await self._prepare()
        if opened.error is not None:
            return Outcome(error=opened.error)
        planner = opened.value().engine.planner
        # Not on the runs' limiter: looking must not wait behind running (Q-40).
        return await anyio.to_thread.run_sync(Outcome.of, lambda: inspect_project(planner, read_params()))

    @property
    def prepared(self) -> KedroServiceSession | None:
        """The service session, if there is one by now."""
        return None if self._ready is None else self._ready.value()

    async def reload(self) -> "Outcome[KedroServiceSession]":
        """Read configuration and preloaded datasets again; runs that have begun keep what they have.

        Raises nothing but cancellation: what kept them from being read is in the outcome, and nothing has changed then.
        """
        if self._ready is None:
            return await self._prepare()
        return await _looking(self._ready.value(), KedroServiceSession.reload)

    async def check(self) -> "Outcome[KedroServiceSession]":
        """Open the project and read its configuration, if no run has done so yet.

        Raises nothing but cancellation: what is wrong with either is in the outcome.
        """
        opened = await self._prepare()
        return opened if opened.error is not None else await _looking(opened.value(), KedroServiceSession.check)

    async def aclose(self) -> None:
        """Close the service session, if there is one; a later run creates another."""
        ready, self._ready = self._ready, None
        if ready is not None:
            # A block that is cancelled ends here, too; runs that go on keep nobody from it.
            with anyio.CancelScope(shield=True):
                (await anyio.to_thread.run_sync(Outcome.of, ready.value().close)).value()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _in_thread(self, work: Callable[[], T]) -> "Outcome[T]":
        host = current_token()

        def hosted() -> T:
            HOST_LOOP.set(host)
            return work()

        return await self._places.work(lambda: Outcome.of(hosted))


class Outcome(msgspec.Struct, Generic[T], frozen=True, eq=False):
    """How a piece of work in a thread ended, as data.

    A future cannot carry ``StopIteration``, and a ``SystemExit`` of user code must end neither a worker thread nor
    the event loop (Q-35).
    """

    result: T | None = None
    error: BaseException | None = None

    @classmethod
    def of(cls, work: Callable[[], T]) -> "Outcome[T]":
        """Do the work in this thread."""
        try:
            return cls(result=work())
        except BaseException as error:
            return cls(error=error)

    def value(self) -> T:
        """Return what the work returned, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


async def _looking(
    session: KedroServiceSession, look: Callable[[KedroServiceSession], None]
) -> Outcome[KedroServiceSession]:
    def work() -> KedroServiceSession:
        look(session)
        return session

    # Not on the runs' limiter, as in `inspect`.
    return await anyio.to_thread.run_sync(Outcome.of, work)


def _run(
    session: KedroServiceSession,
    spec: RunSpec,
    *,
    runner: AbstractRunner | None,
    run_id: str | None,
    convert: Convert | None,
    emit: Emit | None,
) -> RunResult:
    started = perf_counter()
    engine = session.engine
    run_id = run_id or engine.run_ids.next()
    end = engine.run(
        spec,
        run_id=run_id,
        runner=runner or engine.find_runner(spec),
        runtime=session.runtime(spec.runtime_params),
        facts=session.facts(spec),
        emit=emit,
    )
    outputs = _load_outputs(end, spec.outputs)
    if convert is not None:
        outputs = {name: convert(name, value) for name, value in outputs.items()}
    return RunResult(run_id=RunId(run_id), duration_ms=(perf_counter() - started) * 1000, outputs=outputs)


def _load_outputs(end: RunEnd, names: Iterable[str] | None) -> dict[str, Any]:
    if names is None:
        names = [name for name, dataset in end.result.items() if not is_persistent(dataset)]
    return {name: end.catalog.load(name) for name in names}
