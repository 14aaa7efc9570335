"""Executes each run in another process; a process executes one run at a time."""

from collections.abc import Callable
from contextvars import Context

from anyio.lowlevel import current_token

from kedro_asgi.cores import CORES
from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.given_run import GivenRun
from kedro_asgi.dispatch.executors.process_messages import ProcessSetup
from kedro_asgi.dispatch.executors.process_pool import ProcessPool
from kedro_asgi.dispatch.executors.process_watch import KILL_SECONDS, ProcessWatch
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.errors import NoThreadError, RunStoppedError
from kedro_asgi.events import Emit
from kedro_asgi.runs import RunId, RunSpec
from kedro_asgi.session import AsyncSession, Convert
from kedro_asgi.session.event_loop import backend_name


class ProcessExecutor:
    """An `Executor` whose runs share nothing with the server, and with each other only what a process keeps.

    The processes have opened the project of ``session``, and load its artifacts themselves. A run that does not stop
    within a second, or within ``kill_seconds``, is killed with its process. ``convert`` and the values of a run have to
    be picklable.
    """

    def __init__(
        self, session: AsyncSession, convert: Convert, policy: Policy, *, kill_seconds: float = KILL_SECONDS
    ) -> None:
        self._loop = current_token()
        self._session = session
        setup = ProcessSetup(
            create=session.create_session,
            convert=convert,
            full_tracebacks=policy.full_tracebacks,
            backend=backend_name(self._loop),
        )
        self._pool = ProcessPool(setup, policy, warm=min(policy.max_concurrent_runs, CORES))
        self._watch = ProcessWatch(
            self._pool, max_run_memory_bytes=policy.max_run_memory_bytes, kill_seconds=kill_seconds
        )

    def start(
        self,
        run_id: RunId,
        read_spec: Callable[[], RunSpec],
        *,
        pipeline_names: tuple[str, ...],
        context: Context,
        emit: Emit,
        ended: Callable[[Execution], None],
    ) -> None:
        run = GivenRun.of(
            self._session,
            self._loop,
            run_id,
            read_spec,
            pipeline_names=pipeline_names,
            context=context,
            emit=emit,
            ended=ended,
        )
        try:
            self._pool.give(run)
            self._watch.run_given()
        except RuntimeError as problem:
            run.ended(Execution(error=report_failure(run_id, NoThreadError(str(problem)))))

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        self._watch.stop(run_id, reason)

    @property
    def is_open(self) -> bool:
        return self._pool.has_opened

    @property
    def problem(self) -> str | None:
        return None

    def gauges(self) -> dict[str, float]:
        return self._pool.gauges()

    def close(self) -> None:
        self._pool.close()
        self._watch.close()
