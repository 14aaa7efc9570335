"""From the arguments of ``run`` to a `RunSpec`: the same words for every session."""

from collections.abc import Iterable, Mapping
from typing import Any

from kedro_asgi.runs import RunSpec, Slice

Names = Iterable[str] | None


def run_spec(
    *,
    pipeline_names: Names = None,
    tags: Names = None,
    node_names: Names = None,
    from_nodes: Names = None,
    to_nodes: Names = None,
    from_inputs: Names = None,
    to_outputs: Names = None,
    namespaces: Names = None,
    load_versions: Mapping[str, str] | None = None,
    only_missing_outputs: bool = False,
    runtime_params: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    outputs: Names = None,
    runner: str | None = None,
    is_async: bool = False,
) -> RunSpec:
    """Return the arguments as a value; a bare string stands for a list of one (Q-26)."""
    return RunSpec(
        slice=Slice(
            pipeline_names=_names(pipeline_names),
            tags=_names(tags),
            node_names=_names(node_names),
            from_nodes=_names(from_nodes),
            to_nodes=_names(to_nodes),
            from_inputs=_names(from_inputs),
            to_outputs=_names(to_outputs),
            namespaces=_names(namespaces),
        ),
        load_versions=load_versions or {},
        only_missing_outputs=only_missing_outputs,
        runtime_params=runtime_params or {},
        inputs=inputs or {},
        outputs=None if outputs is None else _names(outputs),
        runner=runner,
        is_async=is_async,
    )


def _names(names: Names) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)
