"""Executes each run in another process; a process executes one run at a time."""

from anyio.lowlevel import current_token

from kedro_asgi.cores import CORES
from kedro_asgi.dispatch.executors.base import Execution, GivenRun
from kedro_asgi.dispatch.executors.process.messages import ProcessSetup
from kedro_asgi.dispatch.executors.process.pool import ProcessPool
from kedro_asgi.dispatch.executors.process.watch import KILL_SECONDS, ProcessWatch
from kedro_asgi.dispatch.executors.remote_run import RemoteRun
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.errors import NoThreadError, RunStoppedError
from kedro_asgi.runs import RunId
from kedro_asgi.session import AsyncSession, Convert
from kedro_asgi.session.event_loop import backend_name


class ProcessExecutor:
    """An `Executor` whose runs share nothing with the server, and with each other only what a process keeps.

    The processes have opened the project of ``session``, and load its artifacts themselves. A run that goes
    on ``kill_seconds`` after it was asked to stop is killed with its process. ``convert`` and the values of a run have
    to be picklable.
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

    def start(self, run: GivenRun) -> None:
        remote = RemoteRun.of(self._session, self._loop, run)
        try:
            self._pool.give(remote)
            self._watch.run_given()
        except RuntimeError as problem:
            remote.ended(Execution(error=report_failure(run.run_id, NoThreadError(str(problem)))))

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
