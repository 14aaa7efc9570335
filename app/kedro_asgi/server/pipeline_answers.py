"""The answers of the routes of pipelines: JSON and pictures; threads make them."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from kedro_asgi.encoding import encode_json
from kedro_asgi.graph import Layout, PipelineGraph, ProjectGraphs, draw_svg
from kedro_asgi.media_types import JSON
from kedro_asgi.node_runs import NodeRun, state_of_each
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.pipeline_schemas import PipelineDescription, PipelineList, PipelineSummary
from kedro_asgi.plan import Planner
from kedro_asgi.reserved_names import is_parameter
from kedro_asgi.runs import RunRecord
from kedro_asgi.server.pictures import svg_file
from kedro_asgi.server.queries import DrawingQuery
from kedro_asgi.server.static_files import StaticFile


class PipelineAnswers:
    """Makes the answers of what ``planner`` has compiled; with ``has_dashboard``, pictures link to it."""

    def __init__(self, planner: Planner, *, has_dashboard: bool) -> None:
        self._graphs = ProjectGraphs(planner)
        self._has_dashboard = has_dashboard

    def list(self, limits: frozenset[str] | None) -> StaticFile:
        """Return the pipelines, or those among ``limits``."""

        def is_visible(name: str) -> bool:
            return limits is None or name in limits

        graphs = self._graphs
        summaries = tuple(_summary(name, found) for name, found in graphs.pipelines.items() if is_visible(name))
        broken = {name: problem for name, problem in graphs.broken.items() if is_visible(name)}
        answer = PipelineList(project_name=graphs.planner.project.project_name, pipelines=summaries, broken=broken)
        return StaticFile.of(encode_json(answer), JSON)

    def description(self, name: str, query: DrawingQuery) -> StaticFile:
        """Return one pipeline and its layout."""
        graph = self._graphs.graph(name)
        fields = {field: getattr(graph, field) for field in PipelineGraph.__struct_fields__}
        answer = PipelineDescription(**fields, layout=self._layout(name, query), links=_addresses(_quoted(name)))
        return StaticFile.of(encode_json(answer), JSON, is_compressed=True)

    def picture(self, name: str, query: DrawingQuery, run: RunRecord | None, nodes: Sequence[NodeRun]) -> StaticFile:
        """Return the picture of a pipeline, coloured by a run."""
        graph = self._graphs.graph(name)
        layout = self._layout(name, query)
        names = [node.name for node in graph.nodes]
        states = {} if run is None else state_of_each(names, nodes, has_ended=run.is_final)
        links = _links(layout, run, pipeline=name) if self._has_dashboard else {}
        return svg_file(draw_svg(graph, layout, states=states, links=links))

    def _layout(self, name: str, query: DrawingQuery) -> Layout:
        return self._graphs.layout(name, collapsed=query.collapsed, with_parameters=query.with_parameters)


def _summary(name: str, pipeline: Pipeline) -> PipelineSummary:
    nodes, inputs = pipeline.nodes, sorted(pipeline.inputs())
    return PipelineSummary(
        name=name,
        nodes=len(nodes),
        inputs=tuple(found for found in inputs if not is_parameter(found)),
        outputs=tuple(sorted(pipeline.outputs())),
        parameters=tuple(filter(is_parameter, inputs)),
        tags=tuple(sorted({tag for node in nodes for tag in node.tags})),
        namespaces=tuple(sorted({found for node in nodes for found in node.namespace_prefixes})),
        links=_addresses(f"pipelines/{_quoted(name)}"),
    )


def _addresses(self: str) -> dict[str, str]:
    """Return addresses that are relative to the request, so they hold behind any prefix."""
    return {"self": self, "graph": f"{self}/graph.svg", "schema": f"{self}/schema", "run": f"{self}/run"}


def _links(layout: Layout, run: RunRecord | None, *, pipeline: str) -> dict[str, str]:
    """Return for each element the page of the dashboard that shows it."""
    page = f"../../dashboard/#/project/{_quoted(pipeline)}?"
    query = {} if run is None else {"run": run.run_id}
    return {box.id: page + urlencode({**query, "element": box.id}) for box in layout.boxes}


def _quoted(name: str) -> str:
    return quote(name, safe="")
