"""One Dask cluster on this machine for all processes that a command starts."""

from collections.abc import Iterator
from contextlib import contextmanager

from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.setting_variables import set_variables
from kedro_asgi.server.configuration import ServerConfiguration


@contextmanager
def shared_cluster(configuration: ServerConfiguration, processes: int) -> Iterator[None]:
    """Start a cluster for several processes while this block lasts, if runs need one and no scheduler is named.

    A single process starts it itself, again after each reload of the code. Processes that execute no runs need none.
    """
    choice, executes_no_runs = configuration.executor_choice, not configuration.policy.max_concurrent_runs
    if processes == 1 or executes_no_runs or "dask" not in choice.kinds or choice.dask.scheduler is not None:
        yield
        return
    # Few servers have a cluster.
    from kedro_asgi.dispatch.executors.dask.local_cluster import LocalDaskCluster

    cluster = LocalDaskCluster()
    try:
        with one_line_errors():
            set_variables(dask_scheduler=cluster.address())
        yield
    finally:
        cluster.close()
