"""Values that all runs share, because the user said so."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from kedro_asgi.io.recipe import Recipe
from kedro_asgi.runs import RuntimeParams


class Artifact(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What was loaded of a dataset, and the entry that says where; ``problem`` says why ``value`` is UNSET, if it is.

    The value is handed out as it is, never copied: whoever changes it changes it for all.
    """

    recipe: Recipe
    config: Any
    value: Any = UNSET
    problem: str = ""

    @classmethod
    def of(cls, recipe: Recipe) -> "Artifact":
        """Return an artifact of the entry that ``recipe`` follows, without a value yet."""
        return cls(recipe=recipe, config=recipe.ready_config(RuntimeParams()))

    def is_of(self, recipe: Recipe | None, runtime: RuntimeParams) -> bool:
        """Tell whether a run that follows ``recipe`` would load this very dataset."""
        if recipe is None:
            return False
        if recipe is self.recipe and (recipe.is_settled or not runtime.values):
            return True
        return bool(recipe.ready_config(runtime) == self.config)


class Sharing:
    """Which loads of one run return the values of artifacts, and which of these its saves have overtaken.

    ``pinned`` datasets are loaded in a version of the run's own.
    """

    def __init__(self, artifacts: Mapping[str, Artifact], *, pinned: Iterable[str] = ()) -> None:
        self._names = set(artifacts)
        self._values = {name: artifact.value for name, artifact in artifacts.items() if artifact.value is not UNSET}
        for name in pinned:
            self._values.pop(name, None)
        self.saved: set[str] = set()

    def value(self, name: str) -> Any:
        """Return the shared value of dataset ``name``; UNSET if the run loads it itself."""
        return self._values.get(name, UNSET)

    def leave(self, name: str) -> None:
        """Take note that ``name`` stands for something of the run's own."""
        self._names.discard(name)
        self._values.pop(name, None)

    def save(self, name: str) -> None:
        """Take note that the run is about to save ``name``: what it loads from now on is its own."""
        if name in self._names:
            self._values.pop(name, None)
            self.saved.add(name)
