"""A Dask cluster, as the runs of this process use it."""

import multiprocessing
import ssl
from collections.abc import Mapping
from contextvars import Context
from typing import Any

import dask.config
import distributed
from distributed.comm.addressing import get_address_host

from kedro_asgi.errors import ClusterUnreachableError
from kedro_asgi.runner.cluster.listener import Listener

CONTACT_HOST = "kedro-asgi.contact-host"
"""The key in Dask's configuration for the host at which workers reach this process.

Without it, that is the address of this process on the network of the scheduler.
"""

_LOCAL_HOST = "127.0.0.1"
_NO_CHILDREN = (
    "this process, such as a worker of Dask, may have no children; name a scheduler, for example by "
    "KEDRO_SERVER_DASK_SCHEDULER"
)
# Its methods have no types.
_Client: Any = distributed.Client


class Cluster:
    """A client of a Dask cluster, and the port at which its workers reach this process; any number of runs share it.

    ``client`` is the caller's own, or ``arguments`` make one, which `close` closes, with the local cluster that it may
    have started. Raises `ClusterUnreachableError`.
    """

    def __init__(self, *, client: Any = None, arguments: Mapping[str, Any] | None = None) -> None:
        self._is_own = client is None
        self.client = _open(arguments or {}) if client is None else client
        named = dask.config.get(CONTACT_HOST, None)
        host = _own_host(self.client) if named is None else str(named)
        bind_host = None if named is None else ""
        self.listener = Listener(host, bind_host=bind_host, ssl_context=_ssl_context(self.client))

    @property
    def is_open(self) -> bool:
        """Whether the client is connected, or connects again: one that has given up is closed."""
        return self.client.status not in ("closing", "closed")

    def thread_count(self) -> int:
        """Return how many nodes the workers that are there run at a time; at least one, since one may come.

        Raises `ClusterUnreachableError`.
        """
        try:
            counts: dict[str, int] = self.client.nthreads()
        except (OSError, TimeoutError) as error:
            raise ClusterUnreachableError(self.client.scheduler.address, error) from error
        return max(1, sum(counts.values()))

    def close(self) -> None:
        """Close the port, and the client if it is not the caller's."""
        self.listener.close()
        if self._is_own:
            self.client.close()


def _open(arguments: Mapping[str, Any]) -> Any:
    address = arguments.get("address") or dask.config.get("scheduler-address", None)
    is_local = address is None
    # A port for the dashboard of Dask may be in use: any other will do.
    local = {"dashboard_address": ":0"} if is_local else {}
    if is_local and multiprocessing.current_process().daemon:
        raise ClusterUnreachableError(None, RuntimeError(_NO_CHILDREN))
    try:
        # The default client of the process may be the user's. The client belongs to no run: its log lines name none.
        return Context().run(_Client, **{"set_as_default": False, **local, **arguments})
    except (OSError, TimeoutError, RuntimeError) as error:
        # Dask raises a RuntimeError where a worker of a local cluster does not start.
        raise ClusterUnreachableError(address, error) from error


def _own_host(client: Any) -> str:
    """Return the address of this machine on the network of the scheduler."""
    comm = client.scheduler_comm.comm
    if comm.local_address.startswith("inproc"):
        return _LOCAL_HOST
    host: str = get_address_host(comm.local_address)
    return host


def _ssl_context(client: Any) -> ssl.SSLContext | None:
    if not client.scheduler_comm.comm.peer_address.startswith("tls"):
        return None
    context: ssl.SSLContext | None = client.security.get_listen_args("client")["ssl_context"]
    if context is not None:
        # A worker takes what it can read before it asks for a request to stop: that must not be a ticket of TLS.
        context.num_tickets = 0
    return context
