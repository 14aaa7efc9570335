"""How contexts of runs are made, and their catalogs: of our class, or of one that the project derived from Kedro's."""

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

import pluggy

from kedro_asgi.bridge import KedroCatalog, kedro_configured
from kedro_asgi.plan import Planner
from kedro_asgi.runs import RuntimeParams
from kedro_asgi.session.configuration import run_configuration
from kedro_asgi.session.context import KedroContext, MakeCatalog
from kedro_asgi.validation import Validate


class Contexts(Protocol):
    """Makes the context of a run, and the catalog that it gives."""

    def make(
        self, planner: Planner, runtime: RuntimeParams, hook_manager: pluggy.PluginManager, validate: Validate
    ) -> Any:
        """Return the context of a new run, whose parameters ``validate`` checks."""
        ...

    def catalog(self, context: Any, *, save_version: str, load_versions: Mapping[str, str]) -> Any:
        """Return the run's catalog, parameters included, after telling ``after_catalog_created`` of it."""
        ...


class OurContexts:
    """Contexts that share what is compiled of the project."""

    def __init__(self, kind: type[KedroContext], make_catalog: MakeCatalog) -> None:
        self._kind = kind
        self._make_catalog = make_catalog

    def make(
        self, planner: Planner, runtime: RuntimeParams, hook_manager: pluggy.PluginManager, validate: Validate
    ) -> KedroContext:
        configuration = run_configuration(planner, runtime)
        context = self._kind(
            project_path=planner.project_path,
            config_loader=configuration.loader,
            env=planner.env,
            package_name=planner.project.package_name,
            hook_manager=hook_manager,
            runtime_params=runtime.values,
        )
        context.adopt(
            configuration,
            runtime,
            make_catalog=self._make_catalog,
            validate=validate,
            dataset_validation=planner.project.settings.dataset_validation,
        )
        return context

    def catalog(self, context: KedroContext, *, save_version: str, load_versions: Mapping[str, str]) -> Any:
        return context.create_catalog(save_version=save_version, load_versions=load_versions)


class KedrosContexts:
    """Contexts of a class that descends from Kedro's: they build catalogs and check parameters themselves."""

    def __init__(self, kind: Any, catalog_class: Any, package_name: str) -> None:
        self._kind = kind
        self._catalog_class = catalog_class
        self._package_name = package_name

    def make(
        self, planner: Planner, runtime: RuntimeParams, hook_manager: pluggy.PluginManager, validate: Validate
    ) -> Any:
        # Such a context looks at Kedro's settings and pipelines, which are those of one project at a time.
        with kedro_configured(self._package_name, None):
            return self._kind(
                project_path=planner.project_path,
                config_loader=run_configuration(planner, runtime).loader,
                env=planner.env,
                package_name=planner.project.package_name,
                hook_manager=hook_manager,
                runtime_params=dict(runtime.values),
            )

    def catalog(self, context: Any, *, save_version: str, load_versions: Mapping[str, str]) -> Any:
        wanted: dict[str, Any] = {"save_version": save_version, "load_versions": dict(load_versions) or None}
        if self._catalog_class and "catalog_class" in inspect.signature(context._get_catalog).parameters:
            wanted["catalog_class"] = self._catalog_class
        with kedro_configured(self._package_name, None):
            return KedroCatalog(context._get_catalog(**wanted))
