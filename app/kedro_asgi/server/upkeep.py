"""Routes for those who keep the server: is it ready, and reload what it read."""

import logging
from time import perf_counter

import anyio
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.dispatch import Dispatcher, run_error
from kedro_asgi.encoding import encode_json
from kedro_asgi.schemas import ReadyResponse, ReloadProblem, ReloadResponse
from kedro_asgi.server.errors import json_response
from kedro_asgi.session import AsyncSession

_log = logging.getLogger(__name__)


class Upkeep:
    """``GET /ready`` and ``POST /reload`` of one served project."""

    def __init__(self, session: AsyncSession, runs: Dispatcher) -> None:
        self._session = session
        self._runs = runs
        self._is_open = False
        self._opened: anyio.Event | None = None
        self._problem: str | None = None

    def table(self) -> list[Route]:
        """Return the routes."""
        return [Route("/ready", self.ready, methods=["GET"]), Route("/reload", self.reload, methods=["POST"])]

    async def open(self) -> None:
        """Open the project and read its configuration, so that the first run need not.

        What is wrong is logged and told by `ready`; the next call tries again. Only one call at a time does so.
        """
        if self._opened is not None:
            return
        opened = self._opened = anyio.Event()
        try:
            await self._try_to_open()
        finally:
            self._opened = None
            opened.set()

    async def _try_to_open(self) -> None:
        outcome = await self._session.check()
        if outcome.error is not None and self._problem is not None and self._session.prepared is not None:
            # What is wrong with a configuration stays wrong until it is read again.
            outcome = await self._session.reload()
        self._is_open = outcome.error is None
        before, self._problem = self._problem, None
        if outcome.error is not None:
            error = run_error(outcome.error)
            self._problem = f"{error.type}: {error.message}"
        if self._problem not in (None, before):
            _log.error("The project cannot be run: %s", self._problem)

    async def ready(self, request: Request) -> Response:
        """Answer 200 when the project is open and what is to be preloaded is there; until then 503, and try to open it.

        Also 503 once the server is about to end.
        """
        if self._runs.is_draining:
            return _ready(ReadyResponse(status="draining"))
        if not self._is_open and self._problem is None and self._session.prepared is not None:
            await self._last_step()
        session = self._session.prepared
        if session is None or not self._is_open:
            opening = BackgroundTask(self.open)
            return _ready(ReadyResponse(status="starting", problem=self._problem), opening)
        missing = {name: problem for name, problem in session.preloaded.items() if problem}
        store = self._runs.failure
        return _ready(ReadyResponse(status="waiting" if missing else "ready", missing=missing, store=store))

    async def _last_step(self) -> None:
        """Read the configuration of a project that is there, or wait for whoever does."""
        if self._opened is not None:
            await self._opened.wait()
        else:
            await self.open()

    async def reload(self, request: Request) -> Response:
        """Read configuration and preloaded datasets again, for runs that begin from now on."""
        started = perf_counter()
        outcome = await self._session.reload()
        if outcome.error is not None:
            error = run_error(outcome.error)
            problem = ReloadProblem(detail=f"{error.type}: {error.message} Nothing has changed.")
            return Response(encode_json(problem), problem.status, media_type="application/problem+json")
        self._is_open, self._problem = True, None
        duration_ms = round((perf_counter() - started) * 1000, 2)
        return json_response(ReloadResponse(preloaded=sorted(outcome.value().preloaded), duration_ms=duration_ms))


def _ready(body: ReadyResponse, background: BackgroundTask | None = None) -> Response:
    response = json_response(body, status_code=200 if body.status == "ready" else 503)
    response.background = background
    return response
