"""The task by which Dask places a run on a worker."""

from typing import Any

import msgspec

from kedro_asgi.cluster_member import MemberFacts, current_member
from kedro_asgi.dispatch.executors.dask.messages import Ticket
from kedro_asgi.errors import NotPreloadedError

HOST_EXTENSION = "kedro-asgi-runs"
"""The name under which a Dask worker has what executes its runs."""


def execute_run(ticket: dict[str, Any]) -> None:
    """Execute a run on this worker, if its server still wants it; raises why it cannot begin here."""
    from distributed import get_worker

    member = current_member()
    worker = get_worker()
    host = worker.extensions.get(HOST_EXTENSION)
    if host is None:
        raise NotPreloadedError(worker.address)
    # First: another version may write other tickets.
    member.check(msgspec.convert(ticket["facts"], MemberFacts))
    host.execute(msgspec.convert(ticket, Ticket))
