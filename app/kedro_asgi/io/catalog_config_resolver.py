"""From the name of a dataset to its catalog entry: an explicit one, or the body of the best pattern."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import UNSET, UnsetType

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.configuration_tree import ConfigMapping, ConfigValue, copy_tree
from kedro_asgi.errors import DatasetError
from kedro_asgi.io.builder import DatasetBuilder
from kedro_asgi.io.entry import Entry, PlainEntry, plain_entries
from kedro_asgi.io.patterns import RUNTIME_DEFAULT, Match, Patterns, is_pattern
from kedro_asgi.io.references import CatalogReferences
from kedro_asgi.reserved_names import is_parameter
from kedro_asgi.runs import NO_PARAMS, RuntimeParams

_log = logging.getLogger(__name__)
_NO_CREDENTIALS: Mapping[str, Entry] = {}
_Split = tuple[Mapping[str, UnsetType], tuple[str, ...]]
_IN_MEMORY: Mapping[str, Mapping[str, object]] = {RUNTIME_DEFAULT: {"type": "kedro_asgi.io.MemoryDataset"}}


class CatalogResolver:
    """The catalog of one environment, compiled: immutable, and shared by all runs and threads.

    The constructor raises `DatasetError` for wrong entries, credentials and patterns; classes are imported when they
    are first needed. Without ``project_path`` relative paths stay relative.
    """

    _LIMIT = 65_536
    _PLANS = 256
    _LONGEST = 200

    def __init__(
        self,
        entries: Mapping[str, Entry],
        credentials: Mapping[str, Entry] = _NO_CREDENTIALS,
        *,
        project_path: Path | None = None,
        default_type: str = "MemoryDataset",
    ) -> None:
        for name in entries:
            if not isinstance(name, str):
                raise DatasetError(f"Catalog entry {name!r} needs a name that is text: put it in quotes.")
        self._references = CatalogReferences(credentials, project_path)
        self._explicit = {
            name: self._new_builder(name, entry) for name, entry in entries.items() if not is_pattern(name)
        }
        self._bodies = {name: entry for name, entry in entries.items() if is_pattern(name)}
        self._patterns = Patterns(self._bodies)
        self._default_entry = PlainEntry(RUNTIME_DEFAULT, {"type": default_type})
        self._default = self._new_builder(RUNTIME_DEFAULT, self._default_entry)
        self.type_selecting = tuple(entry for entry in entries.values() if entry.selects_type)
        """Entries whose types a value of a run may decide; without any, no run needs `check`."""
        self._is_static = all(entry.is_static for entry in entries.values())
        self._static_config: ConfigMapping | None = None
        # Names can come from a request, so the cache has a limit.
        self._matched: BoundedCache[str, DatasetBuilder | None] = BoundedCache(self._LIMIT)
        self._splits: BoundedCache[tuple[str, ...], _Split] = BoundedCache(self._PLANS)
        self._check()

    def names(self) -> tuple[str, ...]:
        """Return the names of the explicit entries, in the order of their files."""
        return tuple(self._explicit)

    def list_patterns(self) -> list[str]:
        """Return the patterns, best first, then the catch-all, then ``{default}``."""
        listed = [pattern.text for pattern in self._patterns]
        return listed if RUNTIME_DEFAULT in self._bodies else [*listed, RUNTIME_DEFAULT]

    def builder(self, name: str) -> DatasetBuilder | None:
        """Return the builder of ``name``: of its entry, else the best pattern, else the catch-all, else ``None``."""
        builder = self._explicit.get(name)
        if builder is not None:
            return builder
        if not self._bodies:
            return None
        try:
            return self._matched[name]
        except KeyError:
            builder = self._from_pattern(name)
        return builder if len(name) > self._LONGEST else self._matched.add(name, builder)

    def split(self, names: tuple[str, ...]) -> _Split:
        """Return those ``names`` that neither an entry nor a pattern matches, without data, and all other names.

        Parameters are among the others.

        The names are those of the datasets of a pipeline, so the answer is kept for its next run.
        """
        found = self._splits.get(names)
        if found is not None:
            return found
        others = tuple(name for name in names if is_parameter(name) or self.matches(name))
        known = frozenset(others)
        return self._splits.add(names, ({name: UNSET for name in names if name not in known}, others))

    def default_builder(self) -> DatasetBuilder:
        """Return the builder of datasets that match no entry and no pattern."""
        return self._default

    def matches(self, name: str) -> bool:
        """Tell whether an entry, a pattern or the catch-all matches ``name``."""
        return self.builder(name) is not None

    def is_explicit(self, name: str) -> bool:
        """Tell whether ``name`` has an entry of its own."""
        return name in self._explicit

    def is_static(self, name: str) -> bool:
        """Tell whether no value of a run changes the entry of ``name``, if there is one."""
        builder = self.builder(name)
        return builder is None or builder.is_static

    def is_catch_all(self, name: str) -> bool:
        """Tell whether only the catch-all matches ``name``."""
        return name not in self._explicit and not self._patterns.match(name) and self.matches(name)

    def check(self, runtime: RuntimeParams) -> None:
        """Raise the error of an entry whose type a value of the run would decide (Q-19)."""
        if runtime.restrict_type_selection and runtime.values:
            for entry in self.type_selecting:
                entry.resolve(runtime)

    def resolved_config(self, runtime: RuntimeParams = NO_PARAMS) -> ConfigMapping:
        """Return all entries and patterns with absolute paths, as hooks see them, in a tree of the caller's own."""
        if not self._is_static:
            return self._resolved_config(runtime)
        if self._static_config is None:
            self._static_config = self._resolved_config(NO_PARAMS)
        return {name: copy_tree(entry) for name, entry in self._static_config.items()}

    def _resolved_config(self, runtime: RuntimeParams) -> ConfigMapping:
        explicit = {name: builder.config_with_absolute_paths(runtime) for name, builder in self._explicit.items()}
        absolute = self._references.with_absolute_paths
        return explicit | {name: absolute(entry.resolve(runtime)) for name, entry in self._bodies.items()}

    def credentials(self, runtime: RuntimeParams = NO_PARAMS) -> ConfigMapping:
        """Return all credentials, as hooks see them."""
        return self._references.credentials.resolve(runtime)

    def resolved(self, runtime: RuntimeParams) -> "CatalogResolver":
        """Return a resolver of what the entries are in one run; it depends on nothing else and can be pickled."""
        config, credentials = plain_entries(self.resolved_config(runtime)), plain_entries(self.credentials(runtime))
        found = CatalogResolver(config, credentials)
        found._default_entry = self._default_entry
        found._default = found._new_builder(RUNTIME_DEFAULT, self._default_entry)
        return found

    # --- the methods of Kedro's CatalogConfigResolver ---

    @property
    def config(self) -> ConfigMapping:
        """The explicit entries with their credentials, without runtime parameters."""
        return {name: builder.complete_config(NO_PARAMS) for name, builder in self._explicit.items()}

    @staticmethod
    def is_pattern(pattern: str) -> bool:
        """Tell whether ``pattern`` has a placeholder."""
        return is_pattern(pattern)

    def match_dataset_pattern(self, ds_name: str) -> str | None:
        """Return the best pattern that matches ``ds_name``, other than the catch-all."""
        match = self._patterns.match(ds_name)
        return None if match is None else match.pattern

    def match_user_catch_all_pattern(self, ds_name: str) -> str | None:
        """Return the catch-all pattern, which matches every name."""
        catch_all = self._patterns.catch_all
        return None if catch_all is None else catch_all.text

    def match_runtime_pattern(self, ds_name: str) -> str:
        """Return the pattern of datasets that no entry and no other pattern matches."""
        return self._default_entry.name

    def resolve_pattern(self, ds_name: str) -> ConfigValue:
        """Return the entry of ``ds_name`` with its credentials: its own, a pattern's, or the default."""
        builder = self.builder(ds_name)
        if builder is None:
            placeholders = {self._default_entry.name[1:-1]: ds_name}
            builder = self._new_builder(ds_name, self._default_entry.substitute(placeholders))
        return builder.complete_config(NO_PARAMS)

    def __iter__(self) -> Iterator[str]:
        return iter(self._explicit)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.matches(name)

    def _new_builder(self, name: str, entry: Entry) -> DatasetBuilder:
        return DatasetBuilder(name, entry, self._references)

    def _check(self) -> None:
        for builder in self._explicit.values():
            builder.check()
        for pattern in self._patterns:
            body = self._bodies[pattern.text]
            pattern.check(body.texts())
            self._check_body(body)

    def _check_body(self, body: Entry) -> None:
        if not body.is_static:
            return
        config = body.resolve(NO_PARAMS)
        if not isinstance(config, Mapping):
            raise DatasetError(f"Catalog entry '{body.name}' is not a valid dataset configuration.")
        for name in self._references.credentials.names_in(config):
            if not is_pattern(name):
                self._references.credentials[name]

    def _from_pattern(self, name: str) -> DatasetBuilder | None:
        match = self._patterns.match(name)
        if match is None:
            self._warn_of_near_miss(name)
            match = self._match_catch_all(name)
        if match is None:
            return None
        return self._new_builder(name, self._bodies[match.pattern].substitute(match.placeholders))

    def _match_catch_all(self, name: str) -> Match | None:
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


class CatalogConfigResolver(CatalogResolver):
    """A resolver of plain entries, as projects make one in Python; relative paths stay relative.

    ``default_runtime_patterns`` holds one pattern, ``{default}``, with the entry of names that nothing else matches.
    """

    def __init__(
        self,
        config: Mapping[str, object] | None = None,
        credentials: Mapping[str, object] | None = None,
        default_runtime_patterns: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__(plain_entries(config), plain_entries(credentials))
        for pattern, body in (default_runtime_patterns or _IN_MEMORY).items():
            self._default_entry = PlainEntry(pattern, body)
            self._default = self._new_builder(pattern, self._default_entry)
