"""The settings that a server gives to the thread that talks to its Dask cluster; imports nothing of Dask."""

import asyncio
from collections.abc import Callable

import msgspec

from kedro_asgi.cluster_member import MemberFacts
from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.outcome import Outcome
from kedro_asgi.session import Convert


class ClusterSettings(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The settings with which a server gives runs to a cluster.

    ``find_scheduler`` returns the scheduler's address. ``find_facts`` returns the facts of the project as the server
    has loaded it now, and the name of its last reload. Both may take long, and may raise. ``known_facts`` returns the
    facts if they are known already.
    """

    find_scheduler: Callable[[], str]
    known_facts: Callable[[], tuple[MemberFacts, str] | None]
    find_facts: Callable[[], tuple[MemberFacts, str]]
    options: DaskOptions
    convert: Convert
    full_tracebacks: bool

    async def facts(self) -> Outcome[tuple[MemberFacts, str]]:
        """Return the facts, or the error of finding them; changes to a thread only if need be, since that is slow."""
        if (known := self.known_facts()) is not None:
            return Outcome(result=known)
        return await asyncio.to_thread(Outcome.of, self.find_facts)
