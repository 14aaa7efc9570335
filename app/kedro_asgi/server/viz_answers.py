"""The answers of the routes for kedro-viz; threads make them."""

from collections.abc import Sequence
from typing import Any

from kedro_asgi.encoding import encode_json
from kedro_asgi.media_types import JSON
from kedro_asgi.node_runs import NodeRun
from kedro_asgi.plan import Planner
from kedro_asgi.runs import RunRecord
from kedro_asgi.server.static_files import StaticFile
from kedro_asgi.viz import VizProject, describe_element, describe_run, draw_flowchart


class VizAnswers:
    """Makes the answers of what ``planner`` has compiled; ``None`` stands for an unknown id."""

    def __init__(self, planner: Planner) -> None:
        self._project = VizProject(planner)

    def flowchart(self, name: str | None = None) -> StaticFile | None:
        """Return the flowchart of a pipeline, by default of the default one."""
        return _file(draw_flowchart(self._project, name))

    def element(self, name: str) -> StaticFile | None:
        """Return the details of one node, dataset, parameter or namespace."""
        return _file(describe_element(self._project, name))

    def run_status(self, record: RunRecord | None, nodes: Sequence[NodeRun]) -> StaticFile | None:
        """Return the state of nodes and datasets after a run."""
        return _file(describe_run(self._project, record, nodes))


def _file(found: Any) -> StaticFile | None:
    return None if found is None else StaticFile.of(encode_json(found), JSON)
