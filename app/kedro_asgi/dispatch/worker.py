"""Executes the runs of a store, for as long as it is open; without callers, those that others left behind."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.dispatch.argument_checks import wait_seconds
from kedro_asgi.dispatch.executors.base import Executor
from kedro_asgi.dispatch.executors.selection import ExecutorChoice
from kedro_asgi.dispatch.executors.selection import make_executor as _make_executor
from kedro_asgi.dispatch.metrics import Metrics, RunMetrics
from kedro_asgi.dispatch.policy import Policy, checked
from kedro_asgi.dispatch.service import Service
from kedro_asgi.dispatch.service_lifetime import ServiceLifetime
from kedro_asgi.dispatch.store_queue import check_store_queue
from kedro_asgi.dispatch.stores import MEMORY, Store, open_store
from kedro_asgi.encoding import encode_output
from kedro_asgi.run_ids import RunIds
from kedro_asgi.session import AsyncSession, Convert
from kedro_asgi.session.event_loop import has_ended

if TYPE_CHECKING:
    from kedro_asgi.dispatch.batching.batching import Batching
    from kedro_asgi.dispatch.batching.rules import BatchingRules
    from kedro_asgi.dispatch.webhooks.notify import Notify

_IN_THREADS = ExecutorChoice()


class Worker:
    """Makes, opens and closes the service of a session and a store; tells how it is.

    ``async with Worker(session, store=…) as worker`` opens it, and drains it at the end; without such a block, the
    first call opens it, until its event loop ends, and leaves logging alone. ``store`` is a URL, a path or a `Store`;
    ``memory:`` forgets with the process. ``convert`` makes JSON (or something else for `Dispatcher.run`) of each wanted
    output, where the run is executed; ``executor`` says where that is, by default in threads of this process, unless
    ``make_executor`` makes another executor. ``with_metrics`` counts runs. ``notify`` names the webhooks that are told
    of the ends of runs. ``batching`` names the pipelines whose concurrent runs are joined, by ``batching_rules``.
    ``takes_runs`` has it take the runs that wait in the store, also from a store that cannot wake it. Belongs to one
    event loop at a time.
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
        batching: Mapping[str, BatchingOptions] | None = None,
        batching_rules: "BatchingRules | None" = None,
        takes_runs: bool = False,
    ) -> None:
        self.policy = checked(policy or Policy())
        self.batching = _make_batching(session, batching, batching_rules) if batching else None
        self.metrics = _metrics(session, self.batching) if with_metrics else Metrics()
        self._store = open_store(store) if isinstance(store, str | Path) else store
        check_store_queue(self._store, self.policy, takes_runs=takes_runs)
        self._takes_runs = takes_runs
        if make_executor is None:
            executor.check(self.policy)
        # One that executes nothing needs no processes.
        chosen = executor if self.policy.max_concurrent_runs else _IN_THREADS
        self._make_executor = make_executor or partial(_make_executor, session, convert, self.policy, chosen)
        self._session = session
        self._notify = notify
        self._run_ids = RunIds()
        self._lifetime = ServiceLifetime(self._make_service)

    # --- its state ---

    @property
    def is_draining(self) -> bool:
        """Whether the service accepts no more runs."""
        return self._service is not None and self._service.runs.is_draining

    @property
    def is_starting(self) -> bool:
        """Whether the processes of runs have not opened the project yet."""
        return self._service is not None and not self._service.executor.is_open

    @property
    def executor_problem(self) -> str | None:
        """Why runs cannot begin at this moment, though they are accepted."""
        return None if self._service is None else self._service.executor.problem

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

    async def drain(self, *, grace_seconds: float | None = None) -> None:
        """Accept no more runs, and return when all running ones have ended; stop them after ``grace_seconds``."""
        if self._service is not None:
            seconds = wait_seconds(self.policy.grace_seconds if grace_seconds is None else grace_seconds)
            await self._service.drain(seconds)

    async def aclose(self) -> None:
        """Drain and close the service, as the end of the block does; without one, do nothing. A later call opens one.

        The task that entered a block must also leave it so.
        """
        await self._lifetime.close_any()

    async def service(self) -> Service:
        """Return the open service; opens one if there is none."""
        return self._service or await self._lifetime.needed()

    @property
    def _service(self) -> Service | None:
        """The service, if it is open and its event loop was not closed over it."""
        opened = self._lifetime.current
        return None if opened is None or has_ended(opened.loop) else opened.service

    def _make_service(self) -> Service:
        return Service(
            self._session,
            self._store,
            self.policy,
            self.metrics,
            self._run_ids,
            make_executor=self._make_executor,
            notify=self._notify,
            batching=self.batching,
            takes_runs=self._takes_runs,
        )


def _make_batching(
    session: AsyncSession, options: Mapping[str, BatchingOptions], rules: "BatchingRules | None"
) -> "Batching":
    # Few services join runs.
    from kedro_asgi.dispatch.batching.batching import Batching

    return Batching(session, options, rules=rules)


def _metrics(session: AsyncSession, batching: "Batching | None") -> RunMetrics:
    return RunMetrics(session.has_pipeline) if batching is None else batching.metrics_of_runs()
