"""The catalog that a run gets: a DataCatalog with the methods behind Kedro's catalog commands (CAT-65)."""

from collections.abc import Iterable, Mapping
from itertools import filterfalse
from typing import Protocol

from kedro_asgi.configuration_tree import ConfigMapping, ConfigValue
from kedro_asgi.io.catalog import DataCatalog
from kedro_asgi.io.dataset_classes import class_path
from kedro_asgi.reserved_names import is_parameter


class HasDatasets(Protocol):
    """What a catalog needs of a pipeline."""

    def datasets(self) -> Iterable[str]:
        """Return the names of all datasets that its nodes use."""
        ...


class DataCatalogWithCatalogCommandsMixin(DataCatalog):
    """A DataCatalog that lists where the datasets of pipelines come from; parameters are not listed."""

    def describe_datasets(
        self, pipelines: Mapping[str, HasDatasets] | Iterable[HasDatasets] = ()
    ) -> dict[str, dict[str, dict[str, list[str]]]]:
        """Return names by class, for each pipeline: from ``datasets``, from ``factories``, and ``defaults``."""
        return {name: self._describe_datasets_of(pipeline) for name, pipeline in _named(pipelines).items()}

    def list_patterns(self) -> list[str]:
        """Return the patterns, best first, with ``{default}`` at the end."""
        return self.config_resolver.list_patterns()

    def resolve_patterns(self, pipelines: Mapping[str, HasDatasets] | Iterable[HasDatasets] = ()) -> ConfigMapping:
        """Return the configuration of all entries, and of all datasets that the pipelines use."""
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
        if name in self.registered or self.config_resolver.is_explicit(name):
            return "datasets"
        return "factories" if self.config_resolver.matches(name) else "defaults"

    def _default_type(self) -> str:
        return class_path(self.config_resolver.default_builder().dataset_class(self.runtime))

    def _config_of(self, name: str) -> ConfigValue:
        config = self.config_resolver.config_of(name, self.runtime)
        return {"type": self.get_type(name) or self._default_type()} if config is None else config


def _named(pipelines: Mapping[str, HasDatasets] | Iterable[HasDatasets]) -> Mapping[str, HasDatasets]:
    if isinstance(pipelines, Mapping):
        return pipelines
    return {f"pipeline_{number}": pipeline for number, pipeline in enumerate(pipelines)}


def _data_names(pipeline: HasDatasets) -> list[str]:
    return sorted(filterfalse(is_parameter, pipeline.datasets()))
