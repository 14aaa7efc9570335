"""The hook manager: where the hooks of a run are registered."""

import copy
from collections.abc import Iterable
from typing import Any

import pluggy

from kedro_asgi.hooks.markers import HOOK_NAMESPACE
from kedro_asgi.hooks.specs import DataCatalogSpecs, DatasetSpecs, KedroContextSpecs, NodeSpecs, PipelineSpecs
from kedro_asgi.plugins import plugin_hooks

# The hook of kedro-mlflow keeps the run of MLflow in an attribute, and MLflow keeps a stack of runs for a thread.
_SINGLE_RUN_PACKAGES = ("kedro_mlflow",)
_SPECS = (KedroContextSpecs, DataCatalogSpecs, PipelineSpecs, NodeSpecs, DatasetSpecs)


def create_hook_manager(hooks: Iterable[Any] = ()) -> pluggy.PluginManager:
    """Return a manager with ``hooks`` registered in order; the last registered is called first (HOOK-9).

    Raises ``TypeError`` for a class where an instance belongs, and pluggy's ``PluginValidationError`` for an
    argument that no specification has.
    """
    manager = pluggy.PluginManager(HOOK_NAMESPACE)
    for specs in _SPECS:
        manager.add_hookspecs(specs)
    register_hooks(manager, hooks)
    return manager


def register_hooks(manager: pluggy.PluginManager, hooks: Iterable[Any]) -> None:
    """Register the hooks of a project in order, each of them once; raises ``TypeError`` for a class."""
    hooks = list(hooks)
    if classes := [hook for hook in hooks if isinstance(hook, type)]:
        name = classes[0].__name__
        raise TypeError(f"KedroSession expects hooks to be registered as instances: write {name}(), not the class.")
    add_hooks(manager, hooks)


def register_plugin_hooks(manager: pluggy.PluginManager, disabled_plugins: Iterable[str] = ()) -> None:
    """Register the hooks of installed distributions except ``disabled_plugins``."""
    add_hooks(manager, plugin_hooks(disabled_plugins))


class NullHookManager:
    """A hook manager without hooks: each attribute is the manager itself, and a call does nothing."""

    def __getattr__(self, name: str) -> "NullHookManager":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, **arguments: object) -> None:
        return None


# Kedro's names. Its guide to runners on Dask imports them, so runners of projects do.
_create_hook_manager = create_hook_manager
_register_hooks = register_hooks
_register_hooks_entry_points = register_plugin_hooks
_NullPluginManager = NullHookManager


def add_hooks(manager: pluggy.PluginManager, hooks: Iterable[Any]) -> None:
    """Register ``hooks`` in order, each of them once."""
    for hook in hooks:
        if not manager.is_registered(hook):
            manager.register(hook)


def is_for_single_run(hook: object) -> bool:
    """Whether a hook keeps the state of one run, as the one of kedro-mlflow does, or says so.

    A class of a project says it by ``single_run = True``.
    """
    return getattr(hook, "single_run", False) is True or type(hook).__module__.partition(".")[0] in _SINGLE_RUN_PACKAGES


def with_hooks_for_single_run(manager: pluggy.PluginManager) -> pluggy.PluginManager:
    """Return a manager with the same hooks, but copies of those that keep the state of one run."""
    hooks = [hook for _, hook in manager.list_name_plugin()]
    return create_hook_manager(copy.copy(hook) if is_for_single_run(hook) else hook for hook in hooks)
