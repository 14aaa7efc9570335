"""How a server uses a Dask cluster, as a project configures it."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

Amount = Annotated[float, msgspec.Meta(gt=0)]
SchedulerAddress = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+://[^\s/]+$")]
"""The address of a scheduler, such as ``tcp://10.0.0.1:8786``; ``tls://`` encrypts, as Dask's configuration says."""

ValueBytes = Annotated[int, msgspec.Meta(ge=1024, le=2**40)]
SilenceSeconds = Annotated[float, msgspec.Meta(ge=0.5, le=86400)]


class DaskOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``[tool.kedro-asgi.dask]``.

    ``scheduler`` is the address of a scheduler; without one, a server starts a local cluster. ``resources`` says for
    pipelines which resources of Dask a run takes from its worker. ``max_value_bytes`` limits the inputs of a run, and
    its outputs, that go between the server and a worker. The server and a worker each take the other for lost after
    ``silence_seconds`` without a message.
    """

    scheduler: SchedulerAddress | None = None
    resources: Mapping[str, Mapping[str, Amount]] = {}
    max_value_bytes: ValueBytes = 256 * 2**20
    silence_seconds: SilenceSeconds = 60.0

    def resources_of(self, pipeline_names: tuple[str, ...]) -> dict[str, float]:
        """Return what a run of pipelines takes: of each resource, the most that one of them takes."""
        taken: dict[str, float] = {}
        for name in pipeline_names:
            for resource, amount in self.resources.get(name, {}).items():
                taken[resource] = max(amount, taken.get(resource, 0))
        return taken
