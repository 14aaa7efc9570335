"""The hooks, the context and the catalog of each run."""

import threading
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial

import pluggy

from kedro_asgi.catalogs import create_catalog
from kedro_asgi.hooks import RunHooks, add_hooks, create_hook_manager, is_for_single_run, with_hooks_for_single_run
from kedro_asgi.io import DataCatalog
from kedro_asgi.plan import Planner
from kedro_asgi.plugins import plugin_hooks
from kedro_asgi.project import Project
from kedro_asgi.session.context import KedroContext
from kedro_asgi.session.context_makers import ContextMaker
from kedro_asgi.session.engine_run import ContextParts


class RunContexts:
    """Makes contexts and catalogs, and calls the hooks that see them; thread-safe.

    ``is_needed``: a hook or a class of the project sees the context of each run. Else the catalog is made without one.
    """

    def __init__(self, planner: Planner, maker: ContextMaker) -> None:
        self._maker = maker
        self._hook_manager: pluggy.PluginManager = _hook_manager(planner.project)
        self.hooks = RunHooks.of(self._hook_manager)
        """The hooks that all runs share."""
        self.has_single_run_hooks = any(is_for_single_run(hook) for _, hook in self._hook_manager.list_name_plugin())
        """Whether hooks keep the state of one run, also in thread-local variables, so that no run may find it."""
        self._single_run_lock = threading.Lock()
        self.is_needed = (
            maker.is_custom or planner.custom_loader is not None or self.hooks.after_context_created is not None
        )

    def hooks_of_run(self) -> RunHooks:
        """Return the hooks for one run: all runs share them, but those that keep the state of a run."""
        return RunHooks.of(with_hooks_for_single_run(self._hook_manager)) if self.has_single_run_hooks else self.hooks

    def context(self, parts: ContextParts) -> KedroContext:
        """Return a new context, after calling ``after_context_created``."""
        hooks = parts.hooks
        context: KedroContext = self._maker.make(
            parts.planner, parts.runtime, hooks.manager or self._hook_manager, parts.validate
        )
        if hooks.after_context_created is not None:
            # Such hooks also prepare what the whole process shares, such as MLflow's experiment.
            with self._single_run_lock if self.has_single_run_hooks else nullcontext():
                hooks.after_context_created(context=context)
        return context

    def catalog(
        self,
        parts: ContextParts,
        context: KedroContext | None,
        *,
        save_version: str,
        load_versions: Mapping[str, str],
    ) -> DataCatalog:
        """Return the catalog of a run, parameters included, after calling ``after_catalog_created``."""
        catalog: DataCatalog
        if context is None:
            planner, runtime = parts.planner, parts.runtime
            catalog = create_catalog(
                self._maker.make_catalog,
                planner.resolver,
                runtime,
                parameters=partial(planner.validated_parameters, runtime, parts.validate),
                is_validated=planner.project.settings.dataset_validation,
                save_version=save_version,
                load_versions=load_versions,
                created=parts.hooks.after_catalog_created,
            )
        else:
            catalog = self._maker.catalog(context, save_version=save_version, load_versions=load_versions)
        return catalog


def _hook_manager(project: Project) -> pluggy.PluginManager:
    """Register the hooks of the project, then those of plugins: the last registered is called first (HOOK-9)."""
    manager = create_hook_manager(project.settings.hooks)
    disabled = project.settings.disable_hooks_for_plugins
    add_hooks(manager, plugin_hooks(disabled, switches=project.options.plugins))
    return manager
