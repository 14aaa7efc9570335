"""The Dask cluster that a runner uses."""

import os
from collections.abc import Hashable, Mapping
from typing import Any

import msgspec
from distributed import Client

from kedro_asgi.runner.cluster.cluster import Cluster

ADDRESS_VARIABLE = "KEDRO_SERVER_DASK_SCHEDULER"


class ClusterSource(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The client that a caller gives, or the arguments of one; Dask finds an address where there is none."""

    client: Client | None
    arguments: Mapping[str, Any]

    @classmethod
    def of(cls, client: Client | None, address: str | None, arguments: Mapping[str, Any] | None) -> "ClusterSource":
        """Return the source; an address among the arguments counts as ``address``, and a variable comes last."""
        given = dict(arguments or {})
        found = address or given.pop("address", None) or os.environ.get(ADDRESS_VARIABLE) or None
        return cls(client=client, arguments=given if found is None else {**given, "address": found})

    def or_scheduler(self, address: str | None) -> "ClusterSource":
        """Return this source, with ``address`` if it names no scheduler itself."""
        if address is None or self.client is not None or "address" in self.arguments:
            return self
        return msgspec.structs.replace(self, arguments={**self.arguments, "address": address})

    @property
    def key(self) -> Hashable:
        """A key that is equal where two runners can share a cluster."""
        return (id(self.client), repr(sorted(self.arguments.items())))

    def open(self) -> Cluster:
        """Open the cluster; raises `ClusterUnreachableError`."""
        return Cluster(client=self.client, arguments=self.arguments)
