"""The calls of the hooks of one run."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import pluggy

from kedro_asgi.errors import HookResultError
from kedro_asgi.events import Emit
from kedro_asgi.hooks.manager import create_hook_manager

Call = Callable[..., list[Any]]


class RunHooks(msgspec.Struct, frozen=True, kw_only=True):
    """The hooks of a run that have an implementation, and the receiver of its events.

    A hook without an implementation is ``None``, so that it costs nothing. ``manager`` is where the hooks are
    registered. ``node_done`` is called with each node that is done. ``shows_nodes``, ``shows_catalog``, ``shows_loads``
    and ``shows_saves`` tell whether a hook sees these.
    ``retries`` are those of the nodes, a `NodeRetries` of the runners; ``None`` if no node is tried again.
    ``spans`` makes the spans of nodes, a `NodeSpans` of tracing; ``None`` without tracing.
    """

    manager: pluggy.PluginManager | None = None
    emit: Emit | None = None
    node_done: Callable[[Any], None] | None = None
    shows_nodes: bool = False
    shows_catalog: bool = False
    shows_loads: bool = False
    shows_saves: bool = False
    retries: Any = None
    spans: Any = None
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
        found = {name for name, call in calls.items() if call}
        return cls(
            manager=manager,
            shows_nodes=any(not name.endswith("_created") for name in found),
            shows_catalog=not found <= {"after_context_created"},
            shows_loads=any(name.endswith("_dataset_loaded") for name in found),
            shows_saves=any(name.endswith("_dataset_saved") for name in found),
            **calls,
        )


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
