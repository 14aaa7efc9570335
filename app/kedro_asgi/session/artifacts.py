"""Load the artifacts that all runs of a session share, and load them again after a run has saved them."""

import logging
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec
from msgspec import UNSET

from kedro_asgi.errors import DatasetError, PreloadError, UnknownPreloadError
from kedro_asgi.io import Artifact, DataCatalog, close_quietly, find_one_shot
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.redaction import redact
from kedro_asgi.reserved_names import is_parameter

_log = logging.getLogger(__name__)
_WILDCARDS = frozenset("*?[")
_ONE_SHOT = "holds a '{}', which can be read only once, so each run loads it itself; leave it out of 'preload'"


def load_artifacts(patterns: Iterable[str], catalog: DataCatalog, used: Iterable[str]) -> dict[str, Artifact]:
    """Return the artifacts that ``patterns`` name; one that cannot be loaded holds the reason instead of a value.

    A pattern with ``*``, ``?`` or ``[…]`` stands for all datasets that it matches, except those in memory: entries of
    the catalog, and names in ``used`` that a dataset factory matches. Raises `UnknownPreloadError`.
    """
    return {name: _preload(name, catalog) for name in _selected(patterns, catalog, used)}


def renew_artifacts(artifacts: Mapping[str, Artifact], catalog: DataCatalog) -> dict[str, Artifact]:
    """Load again those of ``artifacts`` that the run of ``catalog`` has changed, or has found; return them."""
    run = catalog.artifacts
    names = set() if run is None else run.changed.union(name for name in run.appeared if _is_missing(name, artifacts))
    return {
        name: _loaded(name, artifacts[name], catalog)
        for name in sorted(names & artifacts.keys())
        if artifacts[name].is_of(catalog.config_resolver.builder(name), catalog.runtime)
    }


def load_missing(artifacts: Mapping[str, Artifact], catalog: DataCatalog) -> dict[str, Artifact]:
    """Try again to load those of ``artifacts`` that are missing; return them, with the latest reason or the value."""
    return {name: _loaded(name, artifacts[name], catalog) for name in artifacts if _is_missing(name, artifacts)}


def _is_missing(name: str, artifacts: Mapping[str, Artifact]) -> bool:
    return name in artifacts and artifacts[name].is_missing


def check_reload(artifacts: Mapping[str, Artifact], former: Mapping[str, Artifact]) -> None:
    """Raise `PreloadError` for an artifact that could be loaded before and cannot be loaded now."""
    for name, artifact in artifacts.items():
        was_missing = name in former and former[name].value is UNSET
        if artifact.value is UNSET and not was_missing:
            raise PreloadError(name, artifact.problem)


def log_artifacts(artifacts: Mapping[str, Artifact]) -> None:
    """Log which artifacts runs share from now on, and which not."""
    for name, artifact in artifacts.items():
        if artifact.value is UNSET:
            _log.warning("Dataset '%s' is not preloaded, runs load it themselves: %s", name, artifact.problem)
        else:
            _log.info("Dataset '%s' is preloaded (%s)", name, type(artifact.value).__name__)


def _selected(patterns: Iterable[str], catalog: DataCatalog, used: Iterable[str]) -> list[str]:
    resolver = catalog.config_resolver
    by_factory = (name for name in used if not is_parameter(name))
    known = dict.fromkeys([*resolver.names(), *(name for name in by_factory if _is_entry(name, catalog))])
    selected: dict[str, None] = {}
    for pattern in patterns:
        if not _WILDCARDS.intersection(pattern):
            found = [pattern] if pattern in known or _is_entry(pattern, catalog) else []
        else:
            found = [name for name in known if fnmatchcase(name, pattern) and not _is_in_memory(name, catalog)]
        if not found:
            raise UnknownPreloadError(pattern, known)
        selected.update(dict.fromkeys(found))
    return list(selected)


def _is_entry(name: str, catalog: DataCatalog) -> bool:
    """Tell whether the catalog knows ``name``, other than by a catch-all, which matches every name."""
    resolver = catalog.config_resolver
    return resolver.matches(name) and not resolver.is_catch_all(name)


def _is_in_memory(name: str, catalog: DataCatalog) -> bool:
    builder = catalog.config_resolver.builder(name)
    try:
        return builder is not None and not is_persistent(builder.dataset_class(catalog.runtime))
    except DatasetError:
        # Its class cannot be imported; loading it reports that.
        return False


def _preload(name: str, catalog: DataCatalog) -> Artifact:
    builder = catalog.config_resolver.builder(name)
    assert builder is not None, "selected names have entries"
    return _loaded(name, Artifact.of(builder), catalog)


def _loaded(name: str, artifact: Artifact, catalog: DataCatalog) -> Artifact:
    """Load the dataset of ``artifact`` again, as a run would that begins now."""
    try:
        value = catalog.load_anew(name)
    except Exception as error:  # datasets of a project may raise anything
        return msgspec.structs.replace(artifact, value=UNSET, problem=redact(str(error)))
    found = find_one_shot(value)
    if found is None:
        return msgspec.structs.replace(artifact, value=value, problem="", is_one_shot=False)
    close_quietly(found)
    problem = _ONE_SHOT.format(type(found).__name__)
    return msgspec.structs.replace(artifact, value=UNSET, problem=problem, is_one_shot=True)
