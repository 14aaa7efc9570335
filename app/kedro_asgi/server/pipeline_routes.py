"""The routes of pipelines: what the project can run, as JSON and as pictures."""

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.encoding import encode_json
from kedro_asgi.graph import Layout, PipelineGraph, ProjectGraphs, draw_svg
from kedro_asgi.node_runs import state_of_each
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.reserved_names import is_parameter
from kedro_asgi.runs import RunRecord
from kedro_asgi.schemas import PipelineDescription, PipelineList, PipelineSummary
from kedro_asgi.server.access.caller import limits_of
from kedro_asgi.server.access.visible_runs import read_visible
from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.pictures import SVG_HEADERS, svg_file
from kedro_asgi.server.planner_cache import PlannerCache
from kedro_asgi.server.problems import explain_project_error
from kedro_asgi.server.queries import DrawingQuery, drawing_query
from kedro_asgi.server.static_files import StaticFile, static_response
from kedro_asgi.session import AsyncSession

_MAX_ANSWERS = 64
_JSON = "application/json"
_NO_HEADERS: Mapping[str, str] = {}

Key = tuple[str, str, DrawingQuery]
Make = Callable[[ProjectGraphs], StaticFile]


class PipelineRoutes:
    """``GET /pipelines`` and the routes below it, of one served project; with ``has_dashboard``, pictures link to it.

    Answers are kept until the configuration is read again, except for those that show a run.
    """

    def __init__(self, session: AsyncSession, runs: Dispatcher, *, has_dashboard: bool) -> None:
        self._runs = runs
        self._has_dashboard = has_dashboard
        self._answers: PlannerCache[ProjectGraphs, Key, StaticFile] = PlannerCache(
            session, ProjectGraphs, size=_MAX_ANSWERS
        )

    def table(self) -> list[Route]:
        """Return the routes; the name of a pipeline may contain slashes."""
        return [
            Route("/pipelines", self.list, methods=["GET"]),
            NameRoute("/pipelines/{name:path}/graph.svg", self.graph, methods=["GET"]),
            NameRoute("/pipelines/{name:path}", self.read, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Response:
        """List the pipelines."""
        limits = limits_of(request.scope)
        # All callers with the same limits get the same answer.
        key = ("list", "" if limits is None else encode_json(sorted(limits)).decode(), DrawingQuery())
        return await self._respond(request, key, lambda graphs: _list(graphs, limits))

    async def read(self, request: Request) -> Response:
        """Return one pipeline: its nodes, datasets, parameters and edges, and their layout."""
        name, query = request.path_params["name"], drawing_query(request)
        return await self._respond(request, ("json", name, query), lambda graphs: _description(graphs, name, query))

    async def graph(self, request: Request) -> Response:
        """Return the picture of a pipeline, coloured by a run if the query names one."""
        name, query = request.path_params["name"], drawing_query(request, with_run=True)
        run = None if query.run is None else await read_visible(self._runs, query.run, request)
        nodes = () if run is None else await self._runs.node_runs(run.run_id)

        def make(graphs: ProjectGraphs) -> StaticFile:
            graph = graphs.graph(name)
            layout = graphs.layout(name, collapsed=query.collapsed, with_parameters=query.with_parameters)
            names = [node.name for node in graph.nodes]
            states = {} if run is None else state_of_each(names, nodes, has_ended=run.is_final)
            links = _links(layout, run, pipeline=name) if self._has_dashboard else {}
            return svg_file(draw_svg(graph, layout, states=states, links=links))

        return await self._respond(request, ("svg", name, query) if run is None else None, make, headers=SVG_HEADERS)

    async def _respond(
        self, request: Request, key: Key | None, make: Make, *, headers: Mapping[str, str] = _NO_HEADERS
    ) -> Response:
        """Respond with the answer that is kept under ``key``, or with what ``make`` returns in a thread."""
        answer = await self._answers.find(key, make)
        if answer.error is not None:
            return explain_project_error(answer.error)
        return static_response(request, answer.value(), headers=headers)


def _list(graphs: ProjectGraphs, limits: frozenset[str] | None) -> StaticFile:
    def is_visible(name: str) -> bool:
        return limits is None or name in limits

    summaries = tuple(_summary(name, found) for name, found in graphs.pipelines.items() if is_visible(name))
    broken = {name: problem for name, problem in graphs.broken.items() if is_visible(name)}
    answer = PipelineList(project_name=graphs.planner.project.project_name, pipelines=summaries, broken=broken)
    return StaticFile.of(encode_json(answer), _JSON)


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


def _description(graphs: ProjectGraphs, name: str, query: DrawingQuery) -> StaticFile:
    graph = graphs.graph(name)
    layout = graphs.layout(name, collapsed=query.collapsed, with_parameters=query.with_parameters)
    fields = {field: getattr(graph, field) for field in PipelineGraph.__struct_fields__}
    answer = PipelineDescription(**fields, layout=layout, links=_addresses(_quoted(name)))
    return StaticFile.of(encode_json(answer), _JSON, is_compressed=True)


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
