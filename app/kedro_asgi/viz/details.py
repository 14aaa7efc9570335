"""The facts that kedro-viz shows of one element beside the flowchart."""

import inspect
from contextlib import suppress
from pathlib import Path
from typing import Any

from kedro_asgi.pipeline import Node
from kedro_asgi.pipeline.names import is_within
from kedro_asgi.reserved_names import ALL_PARAMETERS, is_parameter
from kedro_asgi.viz.project import VizProject


def describe_element(project: VizProject, element: str) -> dict[str, Any] | None:
    """Return the details of a node, a dataset or a parameter by its id; ``{}`` for a namespace.

    ``None`` stands for an unknown id.
    """
    if element in project.tasks:
        return _task(project, project.tasks[element])
    if element in project.datasets:
        name = project.datasets[element]
        return _parameter(project, name) if is_parameter(name) else _dataset(project, name)
    if any(is_within(node.namespace, element) for node in project.tasks.values()):
        return {}
    return None


def _task(project: VizProject, node: Node) -> dict[str, Any]:
    code, file = _source(node.func)
    return {
        "code": code,
        "filepath": _shown_path(file, project.planner.project_path),
        "parameters": project.parameters_of(node.inputs),
        "run_command": f"kedro run --to-nodes='{node.name}'",
        "inputs": node.inputs,
        "outputs": node.outputs,
        "preview": None,
    }


def _dataset(project: VizProject, name: str) -> dict[str, Any]:
    return {
        "type": project.dataset_type(name),
        "filepath": project.filepath(name),
        "run_command": f"kedro run --to-outputs={name}" if project.is_produced(name) else None,
        "preview": None,
        "preview_type": None,
        "stats": None,
    }


def _parameter(project: VizProject, name: str) -> dict[str, Any]:
    return {"parameters": dict(project.parameters) if name == ALL_PARAMETERS else project.parameters_of([name])}


def _source(func: Any) -> tuple[str | None, Path | None]:
    with suppress(OSError, TypeError):
        func = inspect.unwrap(func)
        return inspect.getsource(func), Path(inspect.getsourcefile(func) or "").resolve()
    return None, None


def _shown_path(file: Path | None, root: Path) -> str | None:
    """Return the path with the name of the project's folder in front; that of a library is not shown."""
    return None if file is None or not file.is_relative_to(root) else file.relative_to(root.parent).as_posix()
