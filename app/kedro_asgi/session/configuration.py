"""The parameters and the catalog of a run that has a context."""

import warnings
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Protocol

from kedro_asgi.bridge import loader_class
from kedro_asgi.catalogs import compile_catalog
from kedro_asgi.config import LoadedConfig, MissingConfigException
from kedro_asgi.io import CatalogResolver, plain_entries
from kedro_asgi.plan import Planner
from kedro_asgi.runs import RuntimeParams


class RunConfiguration(Protocol):
    """The configuration of one run; values that hooks put into ``loader`` replace those of the files (HOOK-13)."""

    @property
    def loader(self) -> MutableMapping[str, Any]:
        """The loader that hooks see as ``context.config_loader``."""
        ...

    def parameters(self) -> Mapping[str, Any]:
        """Return the parameters, for reading only; without any files, the runtime parameters."""
        ...

    def resolver(self) -> CatalogResolver:
        """Return the entries and patterns of the catalog; raises their errors."""
        ...


def run_configuration(planner: Planner, runtime: RuntimeParams) -> RunConfiguration:
    """Return the compiled configuration or, on a slower path, that of the project's own loader."""
    if planner.custom_loader is None:
        return CompiledConfiguration(planner, runtime)
    return LoaderConfiguration(planner.custom_loader.load(runtime), planner.project_path, runtime)


class CompiledConfiguration:
    """The configuration that all runs share; read through the loader only where a hook has changed the loader."""

    def __init__(self, planner: Planner, runtime: RuntimeParams) -> None:
        self.loader = loader_class().view(planner.config, runtime)
        self._planner = planner
        self._runtime = runtime
        self._parameters: Mapping[str, Any] | None = None

    def parameters(self) -> Mapping[str, Any]:
        if self.loader.is_changed("parameters"):
            return self._from_loader().parameters()
        # Kept, since hooks read them too, and that would call the project's own resolvers again. Not a cached property:
        # its lock is shared by all instances in Python 3.11, so all runs would wait for one.
        if self._parameters is None:
            self._parameters = self._planner.parameters(self._runtime)
        return self._parameters

    def resolver(self) -> CatalogResolver:
        if self.loader.is_changed("catalog") or self.loader.is_changed("credentials"):
            return self._from_loader().resolver()
        return self._planner.resolver

    def _from_loader(self) -> "LoaderConfiguration":
        return LoaderConfiguration(LoadedConfig(loader=self.loader), self._planner.project_path, self._runtime)


class LoaderConfiguration:
    """The configuration that a loader returns for one run, compiled for that run alone."""

    def __init__(self, loaded: LoadedConfig, project_path: Path, runtime: RuntimeParams) -> None:
        self._loaded = loaded
        self._project_path = project_path
        self._runtime = runtime

    @property
    def loader(self) -> MutableMapping[str, Any]:
        return self._loaded.loader

    def parameters(self) -> Mapping[str, Any]:
        try:
            parameters: Mapping[str, Any] = self._loaded.read("parameters")
        except MissingConfigException:
            warnings.warn("Parameters not found in your Kedro project config.", UserWarning, stacklevel=2)
            return self._runtime.values
        return parameters

    def resolver(self) -> CatalogResolver:
        catalog, credentials = self._entries("catalog"), self._entries("credentials")
        return compile_catalog(plain_entries(catalog), plain_entries(credentials), project_path=self._project_path)

    def _entries(self, key: str) -> Mapping[str, Any]:
        """A project may have no catalog and no credentials (Q-43)."""
        try:
            entries: Mapping[str, Any] = self._loaded.read(key)
        except MissingConfigException:
            return {}
        return entries
