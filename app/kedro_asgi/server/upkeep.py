"""Routes for those who keep the server: is it ready, and reload what it read."""

from time import perf_counter

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.dispatch import Dispatcher, run_error
from kedro_asgi.schemas import ReadyResponse, ReloadProblem, ReloadResponse
from kedro_asgi.server.encoding import encode_json
from kedro_asgi.server.errors import json_response
from kedro_asgi.session import AsyncSession


class Upkeep:
    """``GET /ready`` and ``POST /reload`` of one served project."""

    def __init__(self, session: AsyncSession, runs: Dispatcher) -> None:
        self._session = session
        self._runs = runs
        self._needs_nothing = False
        self._problem: str | None = None

    def table(self) -> list[Route]:
        """Return the routes."""
        return [Route("/ready", self.ready, methods=["GET"]), Route("/reload", self.reload, methods=["POST"])]

    def need_nothing(self) -> None:
        """Say that nothing is to be preloaded, so that the project may stay closed until its first run."""
        self._needs_nothing = True

    async def ready(self, request: Request) -> Response:
        """Answer 200 when everything that is to be preloaded is there; until then 503, and open the project.

        Also 503 once the server is about to end.
        """
        if self._runs.is_draining:
            return _ready(ReadyResponse(status="draining"))
        store, session = self._runs.failure, self._session.prepared
        if session is None and not self._needs_nothing:
            opening = BackgroundTask(self._open)
            return _ready(ReadyResponse(status="starting", problem=self._problem), opening)
        missing = {name: problem for name, problem in (session.preloaded if session else {}).items() if problem}
        return _ready(ReadyResponse(status="waiting" if missing else "ready", missing=missing, store=store))

    async def reload(self, request: Request) -> Response:
        """Read configuration and preloaded datasets again, for runs that begin from now on."""
        started = perf_counter()
        outcome = await self._session.reload()
        if outcome.error is not None:
            error = run_error(outcome.error)
            problem = ReloadProblem(detail=f"{error.type}: {error.message} Nothing has changed.")
            return Response(encode_json(problem), problem.status, media_type="application/problem+json")
        duration_ms = round((perf_counter() - started) * 1000, 2)
        return json_response(ReloadResponse(preloaded=sorted(outcome.value().preloaded), duration_ms=duration_ms))

    async def _open(self) -> None:
        outcome = await self._session.open()
        self._problem = None if outcome.error is None else run_error(outcome.error).message


def _ready(body: ReadyResponse, background: BackgroundTask | None = None) -> Response:
    response = json_response(body, status_code=200 if body.status == "ready" else 503)
    response.background = background
    return response
