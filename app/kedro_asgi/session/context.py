"""What a run knows of its project: configuration, parameters and catalog."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pluggy

from kedro_asgi.config import ConfigLoader, MissingConfigException
from kedro_asgi.hooks import implemented
from kedro_asgi.io import CatalogResolver, DataCatalog, PlainEntry
from kedro_asgi.plan import Planner
from kedro_asgi.runs import RuntimeParams


class KedroContext:
    """The context of one run (SES-35); hooks may add attributes and replace keys of ``config_loader``.

    ``params`` and ``catalog`` are made anew on each access and belong to the caller.
    """

    def __init__(
        self,
        *,
        planner: Planner,
        runtime: RuntimeParams,
        hook_manager: pluggy.PluginManager,
        catalog_class: type[DataCatalog],
    ) -> None:
        self.project_path: Path = planner.project_path
        self.package_name: str = planner.project.package_name
        self.env: str | None = planner.env
        self.config_loader = ConfigLoader.view(planner.config, runtime)
        self._planner = planner
        self._runtime = runtime
        self._hook_manager = hook_manager
        self._catalog_class = catalog_class

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of this run, as a copy (PAR-8)."""
        return dict(deepcopy(self._parameters()))

    @property
    def catalog(self) -> DataCatalog:
        """A new catalog of this run."""
        return self.create_catalog()

    def create_catalog(
        self, *, save_version: str | None = None, load_versions: Mapping[str, str] | None = None
    ) -> DataCatalog:
        """Build a catalog with the parameters in it and tell ``after_catalog_created`` (SES-36)."""
        resolver = self._resolver()
        resolver.check(self._runtime)
        catalog = self._catalog_class(
            config_resolver=resolver,
            load_versions=dict(load_versions) if load_versions else None,
            save_version=save_version,
            runtime=self._runtime,
        )
        catalog.add_parameters(self._parameters())
        if created := implemented(self._hook_manager, "after_catalog_created"):
            created(
                catalog=catalog,
                conf_catalog=resolver.config(self._runtime),
                conf_creds=self._credentials(),
                parameters=catalog.flat_parameters(),
                save_version=save_version,
                load_versions=load_versions,
            )
        return catalog

    def _parameters(self) -> Mapping[str, Any]:
        if "parameters" in self.config_loader:
            replaced: Mapping[str, Any] = self.config_loader["parameters"]
            return replaced
        return self._planner.parameters(self._runtime)

    def _resolver(self) -> CatalogResolver:
        """The compiled catalog, unless a hook replaced configuration of this run."""
        if "catalog" not in self.config_loader and "credentials" not in self.config_loader:
            return self._planner.resolver
        return CatalogResolver(
            _entries(self.config_loader["catalog"]), _entries(self._credentials()), project_path=self.project_path
        )

    def _credentials(self) -> dict[str, Any]:
        try:
            credentials: dict[str, Any] = self.config_loader["credentials"]
        except MissingConfigException:
            return {}
        return credentials


def _entries(config: Mapping[str, Any]) -> dict[str, PlainEntry]:
    return {name: PlainEntry(name, value) for name, value in config.items()}
