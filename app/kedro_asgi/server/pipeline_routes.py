"""The routes of pipelines: what the project can run, as JSON and as pictures."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.encoding import encode_json
from kedro_asgi.server.access.caller import limits_of
from kedro_asgi.server.access.visible_runs import read_visible
from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.pictures import SVG_HEADERS
from kedro_asgi.server.planner_cache import PlannerCache
from kedro_asgi.server.problems import explain_project_error
from kedro_asgi.server.queries import DrawingQuery, drawing_query
from kedro_asgi.server.static_files import StaticFile, static_response
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.plan import Planner
    from kedro_asgi.server.pipeline_answers import PipelineAnswers

_MAX_ANSWERS = 64
_NO_HEADERS: Mapping[str, str] = {}

Key = tuple[str, str, DrawingQuery]
Make = Callable[["PipelineAnswers"], StaticFile]


class PipelineRoutes:
    """``GET /pipelines`` and the routes below it, of one served project; with ``has_dashboard``, pictures link to it.

    Answers are kept until the configuration is read again, except for those that show a run.
    """

    def __init__(self, session: AsyncSession, runs: Dispatcher, *, has_dashboard: bool) -> None:
        self._runs = runs
        self._has_dashboard = has_dashboard
        self._answers: PlannerCache[PipelineAnswers, Key, StaticFile] = PlannerCache(
            session, self._begin, size=_MAX_ANSWERS
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
        return await self._respond(request, key, lambda answers: answers.list(limits))

    async def read(self, request: Request) -> Response:
        """Return one pipeline: its nodes, datasets, parameters and edges, and their layout."""
        name, query = request.path_params["name"], drawing_query(request)
        return await self._respond(request, ("json", name, query), lambda answers: answers.description(name, query))

    async def graph(self, request: Request) -> Response:
        """Return the picture of a pipeline, coloured by a run if the query names one."""
        name, query = request.path_params["name"], drawing_query(request, with_run=True)
        run = None if query.run is None else await read_visible(self._runs, query.run, request)
        nodes = () if run is None else await self._runs.node_runs(run.run_id)
        key = ("svg", name, query) if run is None else None
        return await self._respond(
            request, key, lambda answers: answers.picture(name, query, run, nodes), headers=SVG_HEADERS
        )

    async def _respond(
        self, request: Request, key: Key | None, make: Make, *, headers: Mapping[str, str] = _NO_HEADERS
    ) -> Response:
        """Respond with the answer that is kept under ``key``, or with what ``make`` returns in a thread."""
        answer = await self._answers.find(key, make)
        if answer.error is not None:
            return explain_project_error(answer.error)
        return static_response(request, answer.value(), headers=headers)

    def _begin(self, planner: "Planner") -> "PipelineAnswers":
        # Most servers are never asked to draw, so the modules of graphs are imported with the first answer.
        from kedro_asgi.server.pipeline_answers import PipelineAnswers

        return PipelineAnswers(planner, has_dashboard=self._has_dashboard)
