"""Makes the session and the options of a process that executes runs, whether it serves HTTP or not."""

import os
import weakref
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.dispatch import ExecutorChoice, Policy
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.reload_signal import RELOAD_SIGNAL_VARIABLE
from kedro_asgi.session.served_session import open_served_session
from kedro_asgi.temporary_folder import TemporaryFolder

if TYPE_CHECKING:
    from kedro_asgi.dispatch.webhooks import Notify


class WorkerOptions(TypedDict):
    """The arguments of a `Worker` beside its session."""

    store: str
    policy: Policy
    executor: ExecutorChoice
    with_metrics: bool
    notify: "Notify | None"
    batching: Mapping[str, BatchingOptions]


def make_session(configuration: ServerConfiguration) -> AsyncSession:
    """Return the session of the project; its first user opens it."""
    signals = _signal_folder(configuration)
    open_session = partial(
        open_served_session,
        project_path=configuration.project_path,
        env=configuration.env,
        conf_source=configuration.conf_source,
        preload=configuration.preload,
        package_name=configuration.package_name,
        reload_signal=None if signals is None else signals.path / "preload",
    )
    session = AsyncSession(
        open_session, max_concurrency=max(1, configuration.policy.max_concurrent_runs), env=configuration.env
    )
    if signals is not None:
        weakref.finalize(session, signals.close)
    return session


def worker_options(configuration: ServerConfiguration) -> WorkerOptions:
    """Return the arguments of the worker that a configuration describes."""
    return WorkerOptions(
        store=configuration.store,
        policy=configuration.policy,
        executor=configuration.executor_choice,
        with_metrics=configuration.metrics,
        notify=_notify(configuration),
        batching=configuration.batching,
    )


def _notify(configuration: ServerConfiguration) -> "Notify | None":
    if not configuration.notify:
        return None
    # Few servers tell webhooks of anything.
    from kedro_asgi.server.webhooks import read_notify

    return read_notify(configuration)


def _signal_folder(configuration: ServerConfiguration) -> TemporaryFolder | None:
    """Return a folder for the files by which a server and the processes of its runs tell each other of reloads.

    There is none without such processes, or where the environment names a file for several servers.
    """
    has_processes = not configuration.executor_choice.kinds.isdisjoint(("process", "dask"))
    if not has_processes or RELOAD_SIGNAL_VARIABLE in os.environ:
        return None
    return TemporaryFolder()
