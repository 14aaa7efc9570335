"""Executes each run on a worker of a Dask cluster."""

import secrets
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import from_thread
from anyio.lowlevel import current_token

from kedro_asgi.cluster_member import MemberFacts
from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.dispatch.executors.base import Execution, GivenRun
from kedro_asgi.dispatch.executors.dask.local_cluster import LocalDaskCluster
from kedro_asgi.dispatch.executors.dask.settings import ClusterSettings
from kedro_asgi.dispatch.executors.remote_run import RemoteRun
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.errors import ClusterError, RunStoppedError, error_type
from kedro_asgi.runs import RunId
from kedro_asgi.session import AsyncSession, Convert

if TYPE_CHECKING:
    from kedro_asgi.dispatch.executors.dask.cluster import DaskCluster

_log = SafeLogger(__name__)

_OPENING = "The server is connecting with the Dask cluster."


class DaskExecutor:
    """An `Executor` whose runs share nothing with the server, and may be on other machines.

    Workers open the project themselves (``--preload kedro_asgi.cluster``). Without a scheduler in ``options``, the
    executor starts a cluster on this machine, which ends with it. ``convert`` and the values of a run have to be
    picklable.
    """

    def __init__(self, session: AsyncSession, convert: Convert, policy: Policy, options: DaskOptions) -> None:
        self._loop = current_token()
        self._session = session
        self._local = LocalDaskCluster(session.create_session) if options.scheduler is None else None
        facts = _ServerFacts(session, partial(from_thread.run, session.prepare, token=self._loop))
        settings = ClusterSettings(
            find_scheduler=partial(str, options.scheduler) if self._local is None else self._local.address,
            known_facts=facts.known,
            find_facts=facts.find,
            options=options,
            convert=convert,
            full_tracebacks=policy.full_tracebacks,
        )
        # Held for the calls that come before the cluster is there.
        self._lock = threading.Lock()
        self._cluster: DaskCluster | _NoCluster | None = None
        self._early_calls: list[Callable[[DaskCluster | _NoCluster], None]] = []
        threading.Thread(target=self._open, args=(settings,), name="kedro-asgi-work", daemon=True).start()

    def start(self, run: GivenRun) -> None:
        remote = RemoteRun.of(self._session, self._loop, run)
        self._call(lambda cluster: cluster.give(remote))

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        self._call(lambda cluster: cluster.stop(run_id, reason))

    @property
    def is_open(self) -> bool:
        return self._cluster is not None and self._cluster.has_tried

    @property
    def problem(self) -> str | None:
        return _OPENING if self._cluster is None else self._cluster.problem

    def gauges(self) -> dict[str, float]:
        return {} if self._cluster is None else self._cluster.gauges()

    def close(self) -> None:
        self._call(lambda cluster: cluster.close())
        if self._local is not None:
            self._local.close()

    def _open(self, settings: ClusterSettings) -> None:
        cluster = _open_cluster(settings)
        with self._lock:
            self._cluster = cluster
            for call in self._early_calls:
                call(cluster)

    def _call(self, call: "Callable[[DaskCluster | _NoCluster], None]") -> None:
        with self._lock:
            if self._cluster is None:
                self._early_calls.append(call)
            else:
                call(self._cluster)


def _open_cluster(settings: ClusterSettings) -> "DaskCluster | _NoCluster":
    try:
        # Takes a second to import, so not on the event loop.
        from kedro_asgi.dispatch.executors.dask.cluster import DaskCluster

        return DaskCluster(settings)
    except Exception as error:  # another version of Dask may raise anything, and the system may refuse a thread
        _log.exception("The server cannot connect with a Dask cluster.")
        return _NoCluster(f"The server cannot connect with a Dask cluster: {error_type(error)}: {error}")


class _NoCluster:
    """Stands for the cluster where this process cannot connect with any: each run fails with the problem."""

    has_tried = True

    def __init__(self, problem: str) -> None:
        self.problem = problem

    def give(self, run: RemoteRun) -> None:
        error = run.context.run(report_failure, run.run_id, ClusterError(self.problem))
        run.ended(Execution(error=error))

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        """Do nothing: the run has ended."""

    def gauges(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class _ServerFacts:
    """The facts of the project as the server has loaded it; any thread. ``prepare`` opens the project in `find`."""

    def __init__(self, session: AsyncSession, prepare: Callable[[], Any]) -> None:
        self._session = session
        self._prepare = prepare
        self._known: tuple[Any, MemberFacts, str] | None = None

    def known(self) -> tuple[MemberFacts, str] | None:
        """Return what `find` would return, if nothing has to be read for that."""
        session, known = self._session.prepared, self._known
        if session is None or known is None or session.engine.has_signals or known[0] is not session.engine.planner:
            return None
        return known[1], known[2]

    def find(self) -> tuple[MemberFacts, str]:
        """Return the facts, and the name of the last reload; opens the project if need be, and raises its errors."""
        session = self._session.prepared or self._prepare()
        session.catch_up()
        planner = session.engine.planner
        known = self._known
        if known is None or known[0] is not planner:
            reload = "" if known is None else secrets.token_hex(8)
            known = self._known = (planner, MemberFacts.of(planner), reload)
        return known[1], known[2]
