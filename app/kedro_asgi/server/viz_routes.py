"""The routes that the front end of kedro-viz asks for; they show code and values of parameters."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi import __version__
from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.runs import FINAL, RunQuery, RunRecord
from kedro_asgi.server.errors import json_response
from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.planner_cache import PlannerCache
from kedro_asgi.server.problems import explain_project_error
from kedro_asgi.server.static_files import StaticFile, static_response
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.plan import Planner
    from kedro_asgi.server.viz_answers import VizAnswers

_MAX_ANSWERS = 256
_LAST_RUN = RunQuery(status=tuple(sorted(FINAL)), limit=1)

Make = Callable[["VizAnswers"], StaticFile | None]


class VizRoutes:
    """``/api/main`` and the routes beside it, of one served project."""

    def __init__(self, session: AsyncSession, runs: Dispatcher) -> None:
        self._runs = runs
        self._answers: PlannerCache[VizAnswers, tuple[str, str], StaticFile | None] = PlannerCache(
            session, _begin, size=_MAX_ANSWERS
        )

    def table(self) -> list[NameRoute]:
        """Return the routes, which are kedro-viz's and not described in the OpenAPI document."""
        routes = {
            "/api/main": self.main,
            "/api/pipelines/{name:path}": self.pipeline,
            "/api/nodes/{name:path}": self.element,
            "/api/run-status": self.run_status,
            "/api/version": self.version,
            "/api/metadata": self.metadata,
        }
        return [NameRoute(path, serve, methods=["GET"], include_in_schema=False) for path, serve in routes.items()]

    async def main(self, request: Request) -> Response:
        """Return the flowchart of the default pipeline."""
        return await self._respond(request, "main", lambda answers: answers.flowchart(), "")

    async def pipeline(self, request: Request) -> Response:
        """Return the flowchart of one pipeline."""
        name = request.path_params["name"]
        return await self._respond(request, "pipeline", lambda answers: answers.flowchart(name), name)

    async def element(self, request: Request) -> Response:
        """Return the details of one node, dataset, parameter or namespace."""
        name = request.path_params["name"]
        return await self._respond(request, "node", lambda answers: answers.element(name), name)

    async def run_status(self, request: Request) -> Response:
        """Return the state of nodes and datasets after the last run that has ended."""
        page = await self._runs.list(_LAST_RUN)
        record: RunRecord | None = page.runs[0] if page.runs else None
        nodes = () if record is None else await self._runs.node_runs(record.run_id)
        return await self._respond(request, "run", lambda answers: answers.run_status(record, nodes), None)

    async def version(self, request: Request) -> Response:
        """Return the version, which is never out of date: no other host is asked."""
        return json_response({"installed": __version__, "is_outdated": False, "latest": __version__})

    async def metadata(self, request: Request) -> Response:
        """Return that no package is missing: nothing here reads data for kedro-viz."""
        return json_response({"has_missing_dependencies": False, "package_compatibilities": []})

    async def _respond(self, request: Request, kind: str, make: Make, name: str | None) -> Response:
        """Respond with what ``make`` returns; ``None`` stands for an unknown id. No name: it is not kept."""
        key = None if name is None else (kind, name)
        outcome = await self._answers.find(key, make)
        if outcome.error is not None:
            return explain_project_error(outcome.error)
        answer = outcome.value()
        if answer is None:
            return json_response({"message": f"Invalid {kind} ID"}, status_code=404)
        return static_response(request, answer)


def _begin(planner: "Planner") -> "VizAnswers":
    # Most servers do not answer kedro-viz, so its modules are imported with the first answer.
    from kedro_asgi.server.viz_answers import VizAnswers

    return VizAnswers(planner)
