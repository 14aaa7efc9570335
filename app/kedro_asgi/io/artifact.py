"""Values of datasets that all runs share, because the user named them."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from kedro_asgi.configuration_tree import ConfigValue
from kedro_asgi.io.builder import DatasetBuilder
from kedro_asgi.runs import RuntimeParams


class Artifact(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The value that a dataset loaded, and the entry that says from where.

    ``value`` is UNSET if it could not be loaded; ``problem`` then says why. Runs get the value itself and no copy: code
    that changes it changes it for all runs.
    """

    builder: DatasetBuilder
    config: ConfigValue
    value: Any = UNSET
    problem: str = ""

    @classmethod
    def of(cls, builder: DatasetBuilder) -> "Artifact":
        """Return an artifact of the entry of ``builder``, without a value yet."""
        return cls(builder=builder, config=builder.complete_config(RuntimeParams()))

    def is_of(self, builder: DatasetBuilder | None, runtime: RuntimeParams) -> bool:
        """Tell whether a run that uses ``builder`` would load this very dataset."""
        if builder is None:
            return False
        if builder is self.builder and (builder.is_same_in_every_run or not runtime.values):
            return True
        return bool(builder.complete_config(runtime) == self.config)


class RunArtifacts:
    """The artifacts that one run may use; a run stops using an artifact when it saves or replaces the dataset.

    The run loads the ``pinned`` datasets itself, in versions of its own.
    """

    def __init__(self, artifacts: Mapping[str, Artifact], *, pinned: Iterable[str] = ()) -> None:
        self._names = set(artifacts)
        self._values = {name: artifact.value for name, artifact in artifacts.items() if artifact.value is not UNSET}
        for name in pinned:
            self._values.pop(name, None)
        self.saved: set[str] = set()
        """The names of artifacts whose datasets the run has begun to save."""

    def value(self, name: str) -> Any:
        """Return the shared value of dataset ``name``; UNSET if the run loads the dataset itself."""
        return self._values.get(name, UNSET)

    def discard(self, name: str) -> None:
        """Forget ``name``: the run has put something of its own in its place."""
        self._names.discard(name)
        self._values.pop(name, None)

    def mark_saved(self, name: str) -> None:
        """Note that the run is about to save ``name``; from now on the run loads it itself."""
        if name in self._names:
            self._values.pop(name, None)
            self.saved.add(name)
