"""The catalog that a run gets: a DataCatalog with the methods behind Kedro's catalog commands (CAT-65)."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import filterfalse
from typing import Protocol

from kedro_asgi.configuration_tree import ConfigMapping, ConfigValue
from kedro_asgi.errors import DatasetError
from kedro_asgi.errors.wording import class_path
from kedro_asgi.io.data_catalog import DataCatalog
from kedro_asgi.io.patterns import RUNTIME_DEFAULT
from kedro_asgi.reserved_names import is_parameter

_CORE = "kedro_asgi.io"


class HasDatasets(Protocol):
    """The part of a pipeline that a catalog needs."""

    def datasets(self) -> Iterable[str]:
        """Return the names of all datasets that its nodes use."""
        ...


Pipelines = Mapping[str, HasDatasets] | Iterable[HasDatasets] | HasDatasets | None
"""Pipelines by name, several of them, or one."""


class DataCatalogWithCatalogCommandsMixin(DataCatalog, has_slots=True):
    """A DataCatalog that lists where the datasets of pipelines come from; parameters are not listed."""

    def describe_datasets(self, pipelines: Pipelines = ()) -> dict[str, dict[str, dict[str, list[str]]]]:
        """Return names by class, for each pipeline: from ``datasets``, from ``factories``, and ``defaults``.

        The result is empty without pipelines, as in Kedro: a catalog does not know which pipelines use it.
        """
        return {name: self._describe_datasets_of(pipeline) for name, pipeline in _named(pipelines).items()}

    def list_patterns(self) -> list[str]:
        """Return the patterns, best first, with ``{default}`` at the end."""
        return self.config_resolver.list_patterns()

    def resolve_patterns(self, pipelines: Pipelines = ()) -> ConfigMapping:
        """Return the configuration of all datasets of the catalog, and of those that the pipelines use.

        Credentials are names. Datasets of the catalog are made and shown with all their arguments.
        """
        used = [name for pipeline in _named(pipelines).values() for name in _data_names(pipeline)]
        names = dict.fromkeys((*filterfalse(is_parameter, self), *used))
        return {name: self._config_of(name) for name in names}

    def _describe_datasets_of(self, pipeline: HasDatasets) -> dict[str, dict[str, list[str]]]:
        described: dict[str, dict[str, list[str]]] = {"datasets": {}, "factories": {}, "defaults": {}}
        for name in _data_names(pipeline):
            kind = self._origin(name)
            type_ = self.get_type(name) if kind != "defaults" else self._default_type()
            described[kind].setdefault(str(type_), []).append(name)
        return described

    def _origin(self, name: str) -> str:
        resolver = self.config_resolver
        if name in self.registered or resolver.is_explicit(name):
            return "datasets"
        is_default = resolver.is_catch_all(name) and resolver.match_user_catch_all_pattern(name) == RUNTIME_DEFAULT
        return "factories" if resolver.matches(name) and not is_default else "defaults"

    def _default_type(self) -> str:
        resolver = self.config_resolver
        builder = resolver.builder(RUNTIME_DEFAULT) if resolver.is_catch_all(RUNTIME_DEFAULT) else None
        kind = (builder or resolver.default_builder()).dataset_class(self.runtime)
        # The path that users import it by.
        return f"{_CORE}.{kind.__name__}" if kind.__module__.rpartition(".")[0] == _CORE else class_path(kind)

    def _config_of(self, name: str) -> ConfigValue:
        resolver = self.config_resolver
        if name in self.registered or resolver.is_explicit(name):
            with suppress(DatasetError):  # a library of the dataset may be missing
                _ = self[name]
            return self.shown_config(name)
        return self.shown_config(name) if resolver.matches(name) else {"type": self._default_type()}


def _named(pipelines: Pipelines) -> Mapping[str, HasDatasets]:
    if isinstance(pipelines, Mapping):
        return pipelines
    listed = pipelines if isinstance(pipelines, Iterable) else () if pipelines is None else (pipelines,)
    return {f"pipeline_{number}": pipeline for number, pipeline in enumerate(listed)}


def _data_names(pipeline: HasDatasets) -> list[str]:
    return sorted(filterfalse(is_parameter, pipeline.datasets()))
