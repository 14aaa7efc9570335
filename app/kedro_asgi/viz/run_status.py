"""A run as kedro-viz shows it on the flowchart."""

from collections.abc import Iterable
from typing import Any

from kedro_asgi.node_runs import NodeRun
from kedro_asgi.pipeline.transcoding import base_name
from kedro_asgi.runs import RunRecord
from kedro_asgi.viz.ids import dataset_id, task_id
from kedro_asgi.viz.project import VizProject

_SUCCESS, _FAILED = "success", "failed"


def describe_run(project: VizProject, record: RunRecord | None, runs: Iterable[NodeRun]) -> dict[str, Any]:
    """Return the state of nodes and datasets after a run that has ended; without one, kedro-viz's own default.

    ``runs`` are the nodes that it started. A node that was stopped has failed: kedro-viz knows no other state.
    """
    if record is None:
        return {"nodes": {}, "datasets": {}, "pipeline": _pipeline(None)}
    named = {node.name: node for node in project.tasks.values()}
    nodes: dict[str, Any] = {}
    datasets: dict[str, Any] = {}
    for run in runs:
        node = named.get(run.node)
        if node is None:
            continue
        is_success = run.state == "success"
        seconds = (run.duration_ms or 0.0) / 1000 if is_success else 0.0
        nodes[task_id(node)] = _state(seconds, None if is_success else _error(record))
        datasets.update(_available(node.inputs))
        if is_success:
            datasets.update(_available(node.outputs))
    return {"nodes": nodes, "datasets": datasets, "pipeline": _pipeline(record)}


def _state(seconds: float, error: dict[str, str] | None) -> dict[str, Any]:
    return {"duration": seconds, "status": _SUCCESS if error is None else _FAILED, "error": error}


def _available(names: Iterable[str]) -> dict[str, Any]:
    """Return datasets that were loaded or saved; nothing measures their sizes."""
    return {dataset_id(name): {"name": base_name(name), "size": 0, "status": _SUCCESS, "error": None} for name in names}


def _pipeline(record: RunRecord | None) -> dict[str, Any]:
    if record is None:
        times: dict[str, Any] = {"start_time": None, "end_time": None, "duration": 0.0}
        return {"run_id": "default-run-id", **times, "status": _SUCCESS, "error": None}
    return {
        "run_id": record.run_id,
        "start_time": None if record.started_at is None else record.started_at.isoformat(),
        "end_time": None if record.ended_at is None else record.ended_at.isoformat(),
        "duration": (record.duration_ms or 0.0) / 1000,
        "status": _SUCCESS if record.status == "success" else _FAILED,
        "error": None if record.status == "success" else _error(record),
    }


def _error(record: RunRecord) -> dict[str, str]:
    """Return why a run failed; tracebacks stay in the log."""
    message = record.error.message if record.error is not None else f"The run is {record.status}."
    return {"message": message, "traceback": ""}
