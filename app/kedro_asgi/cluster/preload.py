"""The functions that Dask calls on each worker that preloads `kedro_asgi.cluster`."""

import asyncio
import base64
import logging
import os
import pickle
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from distributed import Worker

from kedro_asgi.cluster_member import EXTENSION, ClusterMember
from kedro_asgi.dispatch.executors.dask.hosted_run import HostedRunHandler
from kedro_asgi.dispatch.executors.dask.local_cluster import SESSION_VARIABLE
from kedro_asgi.dispatch.executors.dask.run_host import RunHost
from kedro_asgi.dispatch.executors.dask.task import HOST_EXTENSION
from kedro_asgi.errors import ProjectError
from kedro_asgi.outcome import Outcome
from kedro_asgi.runner.cluster.source import ADDRESS_VARIABLE
from kedro_asgi.session import KedroServiceSession
from kedro_asgi.session.served_session import open_served_session
from kedro_asgi.tracing.sdk import flush_spans, set_up_inherited_sdk

_COMMAND = "distributed.cli.dask_worker"

_log = logging.getLogger(__name__)


@click.command()
@click.option("--project-path", envvar="KEDRO_PROJECT_PATH", help="Folder of the project, or of its configuration.")
@click.option("--env", envvar="KEDRO_SERVER_ENV", help="Configuration environment.")
@click.option("--conf-source", envvar="KEDRO_SERVER_CONF_SOURCE", help="Folder, archive or URL of the configuration.")
@click.option("--package-name", envvar="KEDRO_SERVER_PACKAGE_NAME", help="Installed package of the project.")
@click.option("--preload-datasets", envvar="KEDRO_SERVER_PRELOAD", help="Datasets to load once: model,*_encoder")
def dask_setup(
    worker: Any,
    project_path: str | None,
    env: str | None,
    conf_source: str | None,
    package_name: str | None,
    preload_datasets: str | None,
) -> Any:
    """Open the project on a worker; a project that cannot be opened fails each run with the reason."""
    if not isinstance(worker, Worker):
        _log.warning("kedro_asgi.cluster is for Dask workers: it does nothing in a %s.", type(worker).__name__)
        return None
    names = None if preload_datasets is None else [name.strip() for name in preload_datasets.split(",")]
    if (given := os.environ.get(SESSION_VARIABLE)) is not None:
        open_session: Callable[[], KedroServiceSession] = partial(_open_given, given)
    else:
        open_session = partial(
            _open,
            project_path=project_path or (package_name and os.getcwd()),
            env=env,
            conf_source=conf_source,
            package_name=package_name,
            preload=names,
        )
    return _set_up(worker, open_session)


def dask_teardown(worker: Any) -> None:
    """Close the session of a worker."""
    member = getattr(worker, "extensions", {}).get(EXTENSION)
    if isinstance(member, ClusterMember):
        member.close()
        flush_spans()


async def _set_up(worker: Any, open_session: Callable[[], KedroServiceSession]) -> None:
    set_up_inherited_sdk()
    _forward_logs()
    owns_process = _owns_process(worker)
    if owns_process:
        # Runs that spread their nodes by `DaskRunner` do so over this cluster.
        os.environ.setdefault(ADDRESS_VARIABLE, worker.scheduler.address)
    opened = await asyncio.to_thread(Outcome.of, open_session)
    if opened.error is not None:
        _log.error("The project cannot be opened: %s", opened.error, exc_info=opened.error)
    worker.extensions[EXTENSION] = member = ClusterMember(worker.address, opened)
    worker.extensions[HOST_EXTENSION] = RunHost(worker, member, owns_process=owns_process)


def _open(*, project_path: str | None, **arguments: Any) -> KedroServiceSession:
    if not project_path:
        raise ProjectError("The Dask worker has no project: give --project-path, or set KEDRO_PROJECT_PATH.")
    return open_served_session(project_path=Path(project_path).resolve(), **arguments)


def _open_given(encoded: str) -> KedroServiceSession:
    create: Callable[[], KedroServiceSession] = pickle.loads(base64.b64decode(encoded))
    return create()


def _forward_logs() -> None:
    """Send what runs log to their servers; several workers of one process share the handler."""
    root = logging.getLogger()
    if not any(isinstance(handler, HostedRunHandler) for handler in root.handlers):
        root.addHandler(HostedRunHandler(is_alone=not root.handlers))


def _owns_process(worker: Any) -> bool:
    """Whether the process is only there for the worker, and not a program of a user that has workers in it."""
    command = getattr(sys.modules["__main__"], "__spec__", None)
    return worker.nanny is not None or _COMMAND in sys.modules or (command is not None and command.name == _COMMAND)
