"""Make the contexts of runs, and their catalogs: of our class, or of one that the project derived from Kedro's."""

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

import pluggy

from kedro_asgi.bridge import KedroCatalog, kedro_configured
from kedro_asgi.catalogs import MakeCatalog
from kedro_asgi.plan import Planner
from kedro_asgi.runs import RuntimeParams
from kedro_asgi.session.configuration import run_configuration
from kedro_asgi.session.context import KedroContext
from kedro_asgi.validation import Validate


class ContextMaker(Protocol):
    """Makes the context of a run, and the catalog that it gives.

    ``is_custom`` tells whether the class is the project's own, so that every run needs a context. A run without a
    context makes its catalog with ``make_catalog``.
    """

    @property
    def is_custom(self) -> bool: ...

    @property
    def make_catalog(self) -> MakeCatalog: ...

    def make(
        self, planner: Planner, runtime: RuntimeParams, hook_manager: pluggy.PluginManager, validate: Validate
    ) -> Any:
        """Return the context of a new run, whose parameters ``validate`` checks."""
        ...

    def catalog(self, context: Any, *, save_version: str, load_versions: Mapping[str, str]) -> Any:
        """Return the run's catalog, parameters included, after calling ``after_catalog_created``."""
        ...


class OurContextMaker:
    """Makes contexts that share what is compiled of the project."""

    def __init__(self, kind: type[KedroContext], make_catalog: MakeCatalog, *, is_custom: bool) -> None:
        self._kind = kind
        self.make_catalog = make_catalog
        self.is_custom = is_custom

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
            make_catalog=self.make_catalog,
            validate=validate,
            dataset_validation=planner.project.settings.dataset_validation,
        )
        return context

    def catalog(self, context: KedroContext, *, save_version: str, load_versions: Mapping[str, str]) -> Any:
        return context.create_catalog(save_version=save_version, load_versions=load_versions)


class KedroContextMaker:
    """Makes contexts of a class derived from Kedro's: they build catalogs and check parameters themselves."""

    is_custom = True
    make_catalog: MakeCatalog = KedroCatalog

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
