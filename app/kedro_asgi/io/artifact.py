"""Values of datasets that all runs share, because the user named them."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from kedro_asgi.configuration_tree import ConfigValue
from kedro_asgi.io.builder import DatasetBuilder
from kedro_asgi.reserved_names import FORMAT_SEPARATOR
from kedro_asgi.runs import NO_PARAMS, RuntimeParams


class Artifact(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The value that a dataset loaded, and the entry that says from where.

    ``value`` is UNSET if it could not be loaded, or ``is_one_shot``: it can be read only once. ``problem`` then says
    why. Runs get the value itself and no copy: code that changes it changes it for all runs.
    """

    builder: DatasetBuilder
    config: ConfigValue
    value: Any = UNSET
    problem: str = ""
    is_one_shot: bool = False

    @classmethod
    def of(cls, builder: DatasetBuilder) -> "Artifact":
        """Return an artifact of the entry of ``builder``, without a value yet."""
        return cls(builder=builder, config=builder.complete_config(NO_PARAMS))

    @property
    def is_missing(self) -> bool:
        """Whether it cannot be loaded now, but may be later."""
        return self.value is UNSET and not self.is_one_shot

    def is_of(self, builder: DatasetBuilder | None, runtime: RuntimeParams) -> bool:
        """Tell whether a run that uses ``builder`` would load this very dataset."""
        if builder is None:
            return False
        if builder is self.builder and (builder.is_same_in_every_run or not runtime.values):
            return True
        return bool(builder.complete_config(runtime) == self.config)


class RunArtifacts:
    """The artifacts that one run may use; a run stops using an artifact when it saves or replaces the dataset.

    The run loads the ``pinned`` datasets itself, in versions of its own, and those that it ``confirms``: only a dataset
    that has loaded its data knows which part was processed.
    """

    def __init__(
        self, artifacts: Mapping[str, Artifact], *, pinned: Iterable[str] = (), confirms: Iterable[str] = ()
    ) -> None:
        self._names = set(artifacts)
        self._values = {name: artifact.value for name, artifact in artifacts.items() if artifact.value is not UNSET}
        for name in (*pinned, *confirms):
            self._values.pop(name, None)
        self._missing = {name for name, artifact in artifacts.items() if artifact.is_missing}.difference(pinned)
        self.changed: set[str] = set()
        """The names of artifacts whose datasets the run has begun to save or to confirm."""
        self.appeared: set[str] = set()
        """The names of artifacts that were missing, and whose datasets the run has loaded itself."""

    def value(self, name: str) -> Any:
        """Return the shared value of dataset ``name``; UNSET if the run loads the dataset itself."""
        return self._values.get(name, UNSET)

    def discard(self, name: str) -> None:
        """Forget ``name``: the run has put something of its own in its place."""
        self._names.discard(name)
        self._missing.discard(name)
        self._values.pop(name, None)

    def mark_changed(self, name: str) -> None:
        """Note that the run is about to save or confirm ``name``; from now on the run loads it itself.

        The same data in other formats, ``x@csv`` beside ``x@json``, changes with it.
        """
        base = name.partition(FORMAT_SEPARATOR)[0]
        for changed in [known for known in self._names if known.partition(FORMAT_SEPARATOR)[0] == base]:
            self._values.pop(changed, None)
            self.changed.add(changed)

    def mark_loaded(self, name: str) -> None:
        """Note that the run has loaded ``name`` itself."""
        if name in self._missing:
            self.appeared.add(name)
