"""From the name of a dataset to the recipe that makes it."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.errors import DatasetError
from kedro_asgi.io.credentials import Credentials
from kedro_asgi.io.entry import Entry, PlainEntry
from kedro_asgi.io.patterns import RUNTIME_DEFAULT, Match, Patterns, is_pattern
from kedro_asgi.io.reader import EntryReader
from kedro_asgi.io.recipe import Recipe
from kedro_asgi.runs import RuntimeParams

_log = logging.getLogger(__name__)
_NOTHING: Mapping[str, Entry] = MappingProxyType({})
_NO_VALUES = RuntimeParams()


class CatalogResolver:
    """The catalog of one environment, compiled: all runs and threads share it, and it never changes.

    Wrong shapes, missing credentials and contradictory patterns are errors of the constructor; classes are
    imported when they are first needed. Without ``project_path`` relative paths stay relative (CAT-13).
    """

    _LIMIT = 65_536
    _LONGEST = 200

    def __init__(
        self,
        entries: Mapping[str, Entry],
        credentials: Mapping[str, Entry] = _NOTHING,
        *,
        project_path: Path | None = None,
        default_type: str = "MemoryDataset",
    ) -> None:
        for name in entries:
            if not isinstance(name, str):
                raise DatasetError(f"Catalog entry {name!r} needs a name that is text: put it in quotes.")
        self._reader = EntryReader(Credentials(credentials), project_path)
        self._explicit = {
            name: Recipe(name, entry, self._reader) for name, entry in entries.items() if not is_pattern(name)
        }
        self._bodies = {name: entry for name, entry in entries.items() if is_pattern(name)}
        self._patterns = Patterns(self._bodies)
        self._default = Recipe(RUNTIME_DEFAULT, PlainEntry(RUNTIME_DEFAULT, {"type": default_type}), self._reader)
        self._type_selecting = tuple(entry for entry in entries.values() if entry.selects_type)
        self._matched: BoundedCache[str, Recipe | None] = BoundedCache(self._LIMIT)
        self._check()

    def names(self) -> tuple[str, ...]:
        """Return the names of the explicit entries, in the order of their files."""
        return tuple(self._explicit)

    def list_patterns(self) -> list[str]:
        """Return the patterns, best first, then the catch-all, then ``{default}`` (CAT-29)."""
        listed = [pattern.text for pattern in self._patterns]
        return listed if RUNTIME_DEFAULT in self._bodies else [*listed, RUNTIME_DEFAULT]

    def recipe(self, name: str) -> Recipe | None:
        """Return how to make ``name``: an entry, else the best pattern, else the catch-all, else ``None``."""
        recipe = self._explicit.get(name)
        if recipe is not None:
            return recipe
        try:
            return self._matched[name]
        except KeyError:
            return self._remembered(name, self._from_pattern(name))

    def default_recipe(self) -> Recipe:
        """Return how to make a dataset that no entry and no pattern knows (CAT-25)."""
        return self._default

    def matches(self, name: str) -> bool:
        """Tell whether an entry, a pattern or the catch-all knows ``name`` (CAT-26)."""
        return self.recipe(name) is not None

    def is_explicit(self, name: str) -> bool:
        """Tell whether ``name`` is an entry of its own."""
        return name in self._explicit

    def is_catch_all(self, name: str) -> bool:
        """Tell whether only the catch-all knows ``name``."""
        return name not in self._explicit and not self._patterns.match(name) and self.matches(name)

    def check(self, runtime: RuntimeParams) -> None:
        """Raise what an entry raises if a value of the run would decide the type of a dataset (CAT-56, Q-19)."""
        if runtime.restrict_type_selection and runtime.values:
            for entry in self._type_selecting:
                entry.resolve(runtime)

    def config_of(self, name: str, runtime: RuntimeParams = _NO_VALUES) -> dict[str, Any] | None:
        """Return the entry that makes ``name`` as it is written, with the run's values and no credentials."""
        recipe = self.recipe(name)
        return None if recipe is None else recipe.config(runtime)

    def config(self, runtime: RuntimeParams = _NO_VALUES) -> dict[str, Any]:
        """Return all entries and patterns with absolute paths, as hooks are shown them (HOOK-17)."""
        explicit = {name: recipe.placed_config(runtime) for name, recipe in self._explicit.items()}
        bodies = {name: self._reader.placed(entry.resolve(runtime)) for name, entry in self._bodies.items()}
        return explicit | bodies

    def credentials(self, runtime: RuntimeParams = _NO_VALUES) -> dict[str, Any]:
        """Return all credentials, as hooks are shown them."""
        return self._reader.credentials.resolve(runtime)

    def _check(self) -> None:
        for recipe in self._explicit.values():
            recipe.check()
        for pattern in self._patterns:
            body = self._bodies[pattern.text]
            pattern.check(body.texts())
            self._check_body(body)

    def _check_body(self, body: Entry) -> None:
        if not body.is_static:
            return
        config = body.resolve(_NO_VALUES)
        if not isinstance(config, Mapping):
            raise DatasetError(f"Catalog entry '{body.name}' is not a valid dataset configuration.")
        for name in self._reader.credentials.names_in(config):
            if not is_pattern(name):
                self._reader.credentials[name]

    def _from_pattern(self, name: str) -> Recipe | None:
        match = self._patterns.match(name)
        if match is None:
            self._warn_of_near_miss(name)
            match = self._catch(name)
        if match is None:
            return None
        return Recipe(name, self._bodies[match.pattern].substitute(match.placeholders), self._reader)

    def _catch(self, name: str) -> Match | None:
        pattern = self._patterns.catch_all
        match = pattern.match(name) if pattern else None
        if match:
            _log.warning(
                "Config from the dataset pattern '%s' in the catalog will be used to override the default "
                "dataset creation for '%s'",
                match.pattern,
                name,
            )
        return match

    def _warn_of_near_miss(self, name: str) -> None:
        pattern = self._patterns.near_miss(name)
        if pattern:
            _log.warning("Dataset '%s' would match the pattern '%s' if case did not count.", name, pattern)

    def _remembered(self, name: str, recipe: Recipe | None) -> Recipe | None:
        """Keep what a name came to; names can come from a request, so there are bounds."""
        if len(name) > self._LONGEST:
            return recipe
        return self._matched.add(name, recipe)

    def __iter__(self) -> Iterator[str]:
        return iter(self._explicit)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.matches(name)
