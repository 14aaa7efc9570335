"""Sessions for async code: each run is one hop into a worker thread."""

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

import anyio
import anyio.to_thread
from anyio.lowlevel import current_token

from kedro_asgi.events import Emit
from kedro_asgi.outcome import Outcome as Outcome
from kedro_asgi.run_arguments import ParameterArguments
from kedro_asgi.runner.async_nodes import HOST_LOOP
from kedro_asgi.runs import RunSpec
from kedro_asgi.session.daemon_thread import run_in_daemon_thread
from kedro_asgi.session.results import Convert, RunResult
from kedro_asgi.session.slots import Slots
from kedro_asgi.snapshots import ProjectSnapshot

if TYPE_CHECKING:
    from kedro_asgi.runner import AbstractRunner
    from kedro_asgi.session.run_stream import RunStream
    from kedro_asgi.session.service_session import KedroServiceSession

T = TypeVar("T")

# Kedro's server runs as many at a time.
DEFAULT_CONCURRENCY = 40


class AsyncSession:
    """Runs a project from async code, under asyncio or trio; any number of tasks may share it.

    The first run (or `prepare`) reads the project and creates the one `KedroServiceSession` that all runs share. At
    most ``max_concurrency`` runs are in a thread at a time. A cancelled run keeps its thread, and its slot, until it
    really ends.
    """

    def __init__(
        self,
        create: Callable[[], "KedroServiceSession"],
        *,
        max_concurrency: int = DEFAULT_CONCURRENCY,
        env: str | None = None,
    ) -> None:
        self._create = create
        self._env = env
        self._session: KedroServiceSession | None = None
        self._lock = anyio.Lock()
        self._creating = threading.Lock()
        self._slots = Slots(max_concurrency)

    @classmethod
    def create(
        cls,
        project_path: str | Path | None = None,
        *,
        env: str | None = None,
        conf_source: str | Path | None = None,
        max_concurrency: int = DEFAULT_CONCURRENCY,
        preload: Iterable[str] | None = None,
        package_name: str | None = None,
        reload_signal: str | Path | None = None,
    ) -> Self:
        """Return a session of the project at ``project_path``; reads nothing yet, so it raises nothing yet.

        ``preload``, ``package_name`` and ``reload_signal`` are those of `KedroServiceSession.create`.
        """
        create = partial(
            _create_session,
            project_path=project_path,
            env=env,
            conf_source=conf_source,
            serving_mode=True,
            preload=preload,
            package_name=package_name,
            reload_signal=reload_signal,
        )
        return cls(create, max_concurrency=max_concurrency, env=env)

    @property
    def env(self) -> str | None:
        """The configuration environment of runs; ``None``: the default of a project that is not open yet."""
        return self._env

    @property
    def create_session(self) -> Callable[[], "KedroServiceSession"]:
        """The callable that creates the service session; other processes can get that of a session made by `create`."""
        return self._create

    @property
    def needs_own_threads(self) -> bool:
        """Whether each run needs a thread that no other run has used; known when the project is open."""
        # Read once: another thread may close the session meanwhile.
        session = self._session
        return session is not None and session.engine.needs_own_threads

    async def prepare(self) -> "KedroServiceSession":
        """Create the service session now; concurrent callers get the same one.

        Raises the error of opening the project. It is not kept: the next call tries again.
        """
        return (await self.open()).value()

    async def open(self) -> "Outcome[KedroServiceSession]":
        """Do what `prepare` does, but raise nothing but cancellation."""
        if self._session is None:
            async with self._lock:
                if self._session is None:
                    return await run_in_daemon_thread(_on_host(self._create_once))
        return Outcome(result=self._session)

    def _create_once(self) -> "KedroServiceSession":
        """Create the service session in this thread; a thread whose caller was cancelled may still be creating it."""
        with self._creating:
            if self._session is None:
                session = self._create()
                self._env = session.engine.planner.effective_env or None
                self._session = session
            return self._session

    async def run(
        self,
        pipeline_names: Iterable[str] | None = None,
        *,
        runner: "AbstractRunner | None" = None,
        outputs: Iterable[str] | None = None,
        run_id: str | None = None,
        **arguments: Unpack[ParameterArguments],
    ) -> RunResult:
        """Run pipelines and return the values of ``outputs``, or of the free outputs that live in memory.

        ``inputs`` replaces datasets for this run; ``outputs`` may name any dataset that the run uses. Raises what
        the run raised.
        """
        spec = RunSpec.of(pipeline_names, outputs=outputs, **arguments)
        return (await self.execute(spec, runner=runner, run_id=run_id)).value()

    def stream(
        self,
        pipeline_names: Iterable[str] | None = None,
        *,
        runner: "AbstractRunner | None" = None,
        outputs: Iterable[str] | None = None,
        run_id: str | None = None,
        cancel_on_close: bool = True,
        **arguments: Unpack[ParameterArguments],
    ) -> "RunStream":
        """Return a run as an asynchronous iterator over what its generator nodes yield for ``outputs``.

        The run begins with the first step of ``async for``, takes the arguments of `run`, and waits while the caller
        works on a chunk; ``result`` is there after the last one. Without ``outputs``, the chunks are those of all free
        outputs. A caller that leaves the iteration early cancels the run, unless ``cancel_on_close`` is false.
        """
        # Few callers stream.
        from kedro_asgi.session.run_stream import RunStream

        spec = RunSpec.of(pipeline_names, outputs=outputs, **arguments)
        return RunStream(self, self._slots, spec, runner=runner, run_id=run_id, cancel_on_close=cancel_on_close)

    async def execute(
        self,
        spec: RunSpec,
        *,
        runner: "AbstractRunner | None" = None,
        run_id: str | None = None,
        convert: Convert | None = None,
        emit: Emit | None = None,
    ) -> Outcome[RunResult]:
        """Run ``spec`` in a worker thread, as `KedroServiceSession.execute` does; raises nothing but cancellation."""
        opened = await self.open()
        if opened.error is not None:
            return Outcome(error=opened.error)
        run = partial(opened.value().execute, spec, runner=runner, run_id=run_id, convert=convert, emit=emit)
        return await self._slots.run(_on_host(run), in_own_thread=self.needs_own_threads)

    def has_pipeline(self, name: str) -> bool:
        """Whether the project has a pipeline, as far as its registry was loaded by now; loads and waits for nothing."""
        session = self._session
        return session is not None and session.engine.planner.project.pipelines.has_loaded(name)

    def may_retry(self, spec: RunSpec) -> bool:
        """Whether a run of ``spec`` may be tried again; true if only the project knows, and it is not open yet."""
        session = self._session
        return spec.retries is not None or session is None or session.engine.planner.project.options.retries is not None

    async def inspect(self, params: Mapping[str, Any] | None = None) -> ProjectSnapshot:
        """Return the snapshot of the project, with ``params`` applied; raises what reading the project raises."""
        outcome = await self.in_free_thread(lambda session: _inspect(session, params))
        return outcome.value()

    @property
    def prepared(self) -> "KedroServiceSession | None":
        """The service session, if there is one by now."""
        return self._session

    async def reload(self) -> "KedroServiceSession":
        """Read configuration and preloaded datasets again; runs that have begun keep what they have.

        Raises the errors of either; nothing has changed then.
        """
        return (await self.try_reload()).value()

    async def try_reload(self) -> "Outcome[KedroServiceSession]":
        """Do what `reload` does, but raise nothing but cancellation."""
        if self._session is None:
            return await self.open()
        return await self._with_session(lambda session: session.reload())

    async def read_reloads(self) -> None:
        """Read the configuration again if another process of the server did, in a project that is open."""
        if (session := self._session) is not None:
            (await run_in_daemon_thread(partial(Outcome.of, session.engine.read_reloads))).value()

    async def load_missing(self) -> "KedroServiceSession":
        """Try again to load the datasets to preload that are missing; raises what making a catalog raises."""
        return (await self.try_load_missing()).value()

    async def try_load_missing(self) -> "Outcome[KedroServiceSession]":
        """Do what `load_missing` does, but raise nothing but cancellation."""
        return await self._with_session(lambda session: session.load_missing())

    async def check(self) -> "KedroServiceSession":
        """Open the project and read its configuration, if no run has done so yet; raises the errors of either."""
        return (await self.try_check()).value()

    async def try_check(self) -> "Outcome[KedroServiceSession]":
        """Do what `check` does, but raise nothing but cancellation."""
        return await self._with_session(lambda session: session.check())

    async def aclose(self) -> None:
        """Close the service session, if there is one; a later run creates another."""
        session, self._session = self._session, None
        if session is not None:
            # Also in a block that is cancelled, and while runs go on.
            with anyio.CancelScope(shield=True):
                (await anyio.to_thread.run_sync(Outcome.of, session.close)).value()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def in_free_thread(self, work: Callable[["KedroServiceSession"], T]) -> Outcome[T]:
        """Do work in a thread without a slot: a look at the project must not wait for runs (Q-40)."""
        opened = await self.open()
        if opened.error is not None:
            return Outcome(error=opened.error)
        return await run_in_daemon_thread(partial(Outcome.of, partial(work, opened.value())))

    async def _with_session(self, work: Callable[["KedroServiceSession"], None]) -> "Outcome[KedroServiceSession]":
        """Return the session after such work."""

        def done(session: "KedroServiceSession") -> "KedroServiceSession":
            work(session)
            return session

        return await self.in_free_thread(done)


def _create_session(**arguments: Any) -> "KedroServiceSession":
    # Imports the engine, in the thread that opens the project.
    from kedro_asgi.session.service_session import KedroServiceSession

    return KedroServiceSession.create(**arguments)


def _inspect(session: "KedroServiceSession", params: Mapping[str, Any] | None) -> ProjectSnapshot:
    from kedro_asgi.inspection import inspect_project

    return inspect_project(session.engine.planner, params)


def _on_host(work: Callable[[], T]) -> Callable[[], Outcome[T]]:
    """Return ``work`` for a thread, in which this event loop awaits the async nodes."""
    host = current_token()

    def hosted() -> T:
        HOST_LOOP.set(host)
        return work()

    return lambda: Outcome.of(hosted)
