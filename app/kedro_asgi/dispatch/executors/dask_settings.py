"""The settings that a server gives to the thread that talks to its Dask cluster; imports nothing of Dask."""

from collections.abc import Callable
from contextvars import Context

import msgspec

from kedro_asgi.cluster_member import MemberFacts
from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.events import Emit
from kedro_asgi.runs import RunId, RunSpec
from kedro_asgi.session import Convert


class ClusterSettings(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The settings with which a server gives runs to a cluster.

    ``find_scheduler`` returns the scheduler's address. ``find_facts`` returns the facts of the project as the server
    has loaded it now, and the name of its last reload. Both may take long, and may raise.
    """

    find_scheduler: Callable[[], str]
    find_facts: Callable[[], tuple[MemberFacts, str]]
    options: DaskOptions
    convert: Convert
    full_tracebacks: bool


class PlacedRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A run for a cluster; the arguments are those of `Executor.start`, but any thread may call ``ended``.

    ``retry_after_seconds`` tells whether the run is tried again after its worker was lost.
    """

    run_id: RunId
    read_spec: Callable[[], RunSpec]
    pipeline_names: tuple[str, ...]
    context: Context
    emit: Emit
    ended: Callable[[Execution], None]
    retry_after_seconds: Callable[[Exception], float | None]
