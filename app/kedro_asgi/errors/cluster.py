"""Errors of runs and nodes on a cluster of Dask workers."""

from collections.abc import Iterable

from kedro_asgi.errors.base import KedroAsgiError, error_type
from kedro_asgi.errors.dispatch import RunCrashedError
from kedro_asgi.errors.wording import mebibytes


class ClusterError(KedroAsgiError):
    """Root of all errors about a cluster."""


class DaskMissingError(ClusterError, ImportError):
    """The process is to use a Dask cluster, and Dask is not installed."""

    def __init__(self) -> None:
        super().__init__('Dask is not installed: pip install "kedro-asgi[dask]"')


class NotPreloadedError(ClusterError):
    """A Dask worker has no project, since it was started without the preload module."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(
            f"The Dask worker {address} has no project. Start it with '--preload kedro_asgi.cluster', and name the "
            "project with '--project-path', or in KEDRO_PROJECT_PATH."
        )


class MemberMismatchError(ClusterError):
    """A Dask worker differs from the process that sends it work, so results could be wrong."""

    def __init__(self, address: str, differences: Iterable[str]) -> None:
        self.address, self.differences = address, tuple(differences)
        super().__init__(
            f"The Dask worker {address} does not fit this server: {'; '.join(self.differences)}. Give both the same "
            "versions and files, and restart the one that is behind."
        )


class WorkerLostError(RunCrashedError):
    """The Dask worker of a run has ended, or its connection; ``node`` is the node that was at work."""

    def __init__(self, address: str, *, node: str | None = None) -> None:
        self.exit_code, self.node, self.address = None, node, address
        where = f" in node '{node}'" if node is not None else ""
        KedroAsgiError.__init__(self, f"The Dask worker {address} was lost during the run{where}.")


class UnplaceableRunError(ClusterError):
    """A Dask worker could not begin a run."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"The Dask worker could not begin the run: {problem}")


class ValueTooLargeError(ClusterError, ValueError):
    """The values of a run are larger than those that may go between a server and a Dask worker."""

    def __init__(self, what: str, *, size_bytes: int, limit_bytes: int) -> None:
        self.size_bytes, self.limit_bytes = size_bytes, limit_bytes
        super().__init__(
            f"{what} of the run take {mebibytes(size_bytes)}, and at most {mebibytes(limit_bytes)} go between a server "
            "and a Dask worker. Load and save large data by the catalog, or raise dask_max_value_bytes."
        )


class ClusterUnreachableError(ClusterError):
    """There is no Dask scheduler at an address, or a local cluster cannot start."""

    def __init__(self, address: str | None, error: Exception) -> None:
        self.address = address
        place = "A local Dask cluster cannot start" if address is None else f"No Dask scheduler answers at '{address}'"
        super().__init__(f"{place}: {error_type(error)}: {error}")


class NodeNotStartedError(ClusterError):
    """Dask has given up a node before a worker started it."""

    def __init__(self, node: str, reason: str) -> None:
        self.node = node
        super().__init__(f"Dask did not start node '{node}': {reason}")


class ClusterDataLostError(ClusterError):
    """A worker of the cluster is gone, and with it what a node has left in memory."""

    def __init__(self, node: str, detail: str = "") -> None:
        self.node = node
        reason = detail or "a worker of the cluster that held them is gone, and no node runs twice"
        super().__init__(f"The outputs of node '{node}' in memory are lost: {reason}.")
