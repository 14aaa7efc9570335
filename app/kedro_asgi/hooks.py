"""Kedro's hook specifications, in the order of a run, and the calls of their implementations."""

# pluggy passes the declared arguments on by name; the bodies are empty on purpose.
import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import pluggy

from kedro_asgi.errors import HookResultError
from kedro_asgi.events import Emit

hook_spec = pluggy.HookspecMarker("kedro")
hook_impl = pluggy.HookimplMarker("kedro")


class ContextSpecs:
    """Once per run, before anything is built."""

    @hook_spec
    def after_context_created(self, context: Any) -> None:
        """The run's context exists; attributes may be added to it (HOOK-13)."""


class CatalogSpecs:
    """Once per run, when its catalog exists."""

    @hook_spec
    def after_catalog_created(
        self,
        catalog: Any,
        conf_catalog: dict[str, Any],
        conf_creds: dict[str, Any],
        parameters: dict[str, Any],
        save_version: str,
        load_versions: dict[str, str] | None,
    ) -> None:
        """The catalog may be changed for this run (HOOK-13)."""


class PipelineSpecs:
    """Around the whole run."""

    @hook_spec
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """The run is about to start."""

    @hook_spec
    def after_pipeline_run(
        self, run_params: dict[str, Any], run_result: dict[str, Any], pipeline: Any, catalog: Any
    ) -> None:
        """Every node ran."""

    @hook_spec
    def on_pipeline_error(self, error: Exception, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """The run failed; an exception raised here replaces ``error`` (HOOK-15)."""


class NodeSpecs:
    """Around each node."""

    @hook_spec
    def before_node_run(
        self, node: Any, catalog: Any, inputs: dict[str, Any], is_async: bool, run_id: str
    ) -> dict[str, Any] | None:
        """Return a dict to replace inputs of this node (HOOK-11)."""

    @hook_spec
    def after_node_run(
        self, node: Any, catalog: Any, inputs: dict[str, Any], outputs: dict[str, Any], is_async: bool, run_id: str
    ) -> None:
        """The function returned; ``outputs`` may be edited before they are saved (HOOK-12)."""

    @hook_spec
    def on_node_error(
        self, error: Exception, node: Any, catalog: Any, inputs: dict[str, Any], is_async: bool, run_id: str
    ) -> None:
        """The function raised."""


class DatasetSpecs:
    """Around each load and each save."""

    @hook_spec
    def before_dataset_loaded(self, dataset_name: str, node: Any) -> None:
        """A dataset is about to be loaded for ``node``."""

    @hook_spec
    def after_dataset_loaded(self, dataset_name: str, data: Any, node: Any) -> None:
        """A dataset was loaded for ``node``."""

    @hook_spec
    def before_dataset_saved(self, dataset_name: str, data: Any, node: Any) -> None:
        """An output of ``node`` is about to be saved."""

    @hook_spec
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Any) -> None:
        """An output of ``node`` was saved."""


# The hook of kedro-mlflow keeps the run of MLflow in an attribute, and MLflow keeps a stack of runs for a thread.
_SINGLE_RUN_PACKAGES = ("kedro_mlflow",)
_SPECS = (ContextSpecs, CatalogSpecs, PipelineSpecs, NodeSpecs, DatasetSpecs)


def create_hook_manager(hooks: Iterable[Any] = ()) -> pluggy.PluginManager:
    """Return a manager with ``hooks`` registered in order; the last registered is called first (HOOK-9).

    Raises ``TypeError`` for a class where an instance belongs, and pluggy's ``PluginValidationError`` for an
    argument that no specification has.
    """
    manager = pluggy.PluginManager("kedro")
    for specs in _SPECS:
        manager.add_hookspecs(specs)
    hooks = list(hooks)
    if classes := [hook for hook in hooks if isinstance(hook, type)]:
        raise TypeError(f"Hooks must be registered as instances: write {classes[0].__name__}(), not the class.")
    add_hooks(manager, hooks)
    return manager


_create_hook_manager = create_hook_manager
"""Kedro's name of `create_hook_manager`."""


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


Call = Callable[..., list[Any]]


class RunHooks(msgspec.Struct, frozen=True, kw_only=True):
    """The hooks of a run that have an implementation, and the receiver of its events.

    A hook without an implementation is ``None``, so that it costs nothing. ``manager`` is where the hooks are
    registered. ``completed`` is called with each node that is done. ``shows_nodes`` tells whether hooks see nodes.
    """

    manager: pluggy.PluginManager | None = None
    emit: Emit | None = None
    completed: Callable[[Any], None] | None = None
    shows_nodes: bool = False
    after_context_created: Call | None = None
    after_catalog_created: Call | None = None
    before_pipeline_run: Call | None = None
    after_pipeline_run: Call | None = None
    on_pipeline_error: Call | None = None
    before_node_run: Call | None = None
    after_node_run: Call | None = None
    on_node_error: Call | None = None
    before_dataset_loaded: Call | None = None
    after_dataset_loaded: Call | None = None
    before_dataset_saved: Call | None = None
    after_dataset_saved: Call | None = None

    @property
    def hook(self) -> Any:
        """The hooks by name, as a hook manager has them; for runners of a project's own (RUN-11)."""
        return (self.manager or create_hook_manager()).hook

    @classmethod
    def of(cls, manager: pluggy.PluginManager | None) -> "RunHooks":
        """Return the hooks of ``manager`` that have an implementation."""
        if manager is None:
            return cls()
        calls: dict[str, Any] = {name: implemented(manager, name) for name in _CALLS}
        shows_nodes = any(call for name, call in calls.items() if not name.endswith("_created"))
        return cls(manager=manager, shows_nodes=shows_nodes, **calls)


_CALLS = tuple(name for name in RunHooks.__struct_fields__ if name.startswith(("before_", "after_", "on_")))
HookManager = pluggy.PluginManager | RunHooks | None


def implemented(manager: pluggy.PluginManager, name: str) -> Call | None:
    """Return the call of hook ``name``, or ``None`` without an implementation."""
    call: Call | None = getattr(manager.hook, name, None)
    # A caller of a runner may give another kind of manager, such as Kedro's that has no hooks.
    implementations = getattr(call, "get_hookimpls", None)
    return call if implementations is None or implementations() else None


def hook_arguments(call: Call) -> frozenset[str]:
    """Return the arguments that the implementations of a hook take."""
    found: list[pluggy.HookImpl] = getattr(call, "get_hookimpls", list)()
    return frozenset(name for implementation in found for name in implementation.argnames)


def merge_replacements(answers: Iterable[Any] | None) -> Mapping[str, Any]:
    """Merge what the ``before_node_run`` hooks returned, in call order (HOOK-11)."""
    merged: dict[str, Any] = {}
    for answer in answers or ():
        if not isinstance(answer, dict):
            raise HookResultError(answer)
        merged.update(answer)
    return merged
