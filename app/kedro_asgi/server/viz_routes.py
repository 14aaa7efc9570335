"""The routes that the front end of kedro-viz asks for; they show code and values of parameters."""

import threading
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi import __version__
from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.encoding import encode_json
from kedro_asgi.runs import FINAL, RunQuery, RunRecord
from kedro_asgi.server.errors import json_response
from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.problems import explain_project_error
from kedro_asgi.server.static_files import StaticFile, static_response
from kedro_asgi.session import AsyncSession, KedroServiceSession
from kedro_asgi.viz import VizProject, describe_element, describe_run, draw_flowchart

_MAX_ANSWERS = 256
_LAST_RUN = RunQuery(status=tuple(sorted(FINAL)), limit=1)

Make = Callable[[VizProject], Any]


class _Compiled:
    """A project and the answers made of it; a reload brings another planner, so another of these."""

    def __init__(self, project: VizProject) -> None:
        self.project = project
        self.lock = threading.Lock()
        self.answers: BoundedCache[tuple[str, str], StaticFile] = BoundedCache(_MAX_ANSWERS)


class VizRoutes:
    """``/api/main`` and the routes beside it, of one served project."""

    def __init__(self, session: AsyncSession, runs: Dispatcher) -> None:
        self._session = session
        self._runs = runs
        self._compiled: _Compiled | None = None

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
        return await self._respond(request, "main", draw_flowchart, "")

    async def pipeline(self, request: Request) -> Response:
        """Return the flowchart of one pipeline."""
        name = request.path_params["name"]
        return await self._respond(request, "pipeline", lambda project: draw_flowchart(project, name), name)

    async def element(self, request: Request) -> Response:
        """Return the details of one node, dataset, parameter or namespace."""
        name = request.path_params["name"]
        return await self._respond(request, "node", lambda project: describe_element(project, name), name)

    async def run_status(self, request: Request) -> Response:
        """Return the state of nodes and datasets after the last run that has ended."""
        page = await self._runs.list(_LAST_RUN)
        record: RunRecord | None = page.runs[0] if page.runs else None
        nodes = () if record is None else await self._runs.node_runs(record.run_id)
        outcome = await self._session.in_free_thread(
            lambda session: encode_json(describe_run(self._current(session).project, record, nodes))
        )
        if outcome.error is not None:
            return explain_project_error(outcome.error)
        return Response(outcome.value(), media_type="application/json")

    async def version(self, request: Request) -> Response:
        """Return the version, which is never out of date: no other host is asked."""
        return json_response({"installed": __version__, "is_outdated": False, "latest": __version__})

    async def metadata(self, request: Request) -> Response:
        """Return that no package is missing: nothing here reads data for kedro-viz."""
        return json_response({"has_missing_dependencies": False, "package_compatibilities": []})

    async def _respond(self, request: Request, kind: str, make: Make, name: str) -> Response:
        outcome = await self._session.in_free_thread(lambda session: self._made(session, (kind, name), make))
        if outcome.error is not None:
            return explain_project_error(outcome.error)
        answer = outcome.value()
        if answer is None:
            return json_response({"message": f"Invalid {kind} ID"}, status_code=404)
        return static_response(request, answer)

    def _made(self, session: KedroServiceSession, key: tuple[str, str], make: Make) -> StaticFile | None:
        """Return an answer; ``None`` stands for an unknown id."""
        compiled = self._current(session)
        # Many callers ask at once after a reload: one thread draws, and the others wait for what it draws.
        with compiled.lock:
            found = compiled.answers.get(key)
            if found is not None:
                return found
            made = make(compiled.project)
            if made is None:
                return None
            return compiled.answers.add(key, StaticFile.of(encode_json(made), "application/json"))

    def _current(self, session: KedroServiceSession) -> _Compiled:
        compiled, planner = self._compiled, session.engine.planner
        if compiled is None or compiled.project.planner is not planner:
            # Two threads may both get here; they read the same, so it does not matter which is last.
            compiled = self._compiled = _Compiled(VizProject(planner))
        return compiled
