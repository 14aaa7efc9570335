"""Routes for operators: readiness, and reload of configuration and preloaded datasets."""

import logging
from time import perf_counter
from typing import Literal

import anyio
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.encoding import encode_json
from kedro_asgi.failures import failure_sentence
from kedro_asgi.media_types import PROBLEM
from kedro_asgi.schemas import ReadyResponse, ReloadProblem, ReloadResponse
from kedro_asgi.server.access.caller import may_see_all
from kedro_asgi.server.errors import json_response
from kedro_asgi.server.served_schedules import ServedSchedules
from kedro_asgi.server.systemd import ServiceManager
from kedro_asgi.session import AsyncSession

_log = logging.getLogger(__name__)

_PROCESSES_OPEN = "The processes of runs are opening the project."
_STUCK = "Every slot has a run that was asked to stop and does not."


class AdminRoutes:
    """``GET /ready`` and ``POST /reload`` of one served project."""

    def __init__(
        self, session: AsyncSession, runs: Dispatcher, schedules: ServedSchedules, service_manager: ServiceManager
    ) -> None:
        self._session = session
        self._runs = runs
        self._schedules = schedules
        self._service_manager = service_manager
        self._is_open = False
        self._opened: anyio.Event | None = None
        self._problem: str | None = None

    def table(self) -> list[Route]:
        """Return the routes."""
        return [Route("/ready", self.ready, methods=["GET"]), Route("/reload", self.reload, methods=["POST"])]

    async def open_project(self) -> None:
        """Open the project and read its configuration, before the first run needs them.

        A failure is logged and shown by `ready`; the next call tries again. While one call runs, others return at once.
        """
        if self._opened is not None or self._is_open:
            return
        opened = self._opened = anyio.Event()
        try:
            await self._try_to_open()
        finally:
            self._opened = None
            opened.set()

    async def _try_to_open(self) -> None:
        outcome = await self._session.try_check()
        if outcome.error is not None and self._problem is not None and self._session.prepared is not None:
            # The session keeps the broken configuration until a reload reads it again.
            outcome = await self._session.try_reload()
        self._is_open = outcome.error is None
        former, self._problem = self._problem, None if outcome.error is None else failure_sentence(outcome.error)
        if self._problem is not None and self._problem != former:
            _log.error("The project cannot be run: %s", self._problem)
            self._service_manager.failed(self._problem)
        if self._is_open:
            self._service_manager.opened()
            self._log_problems()

    def _log_problems(self) -> None:
        session = self._session.prepared
        for line in session.problems.lines() if session is not None else ():
            _log.error("Runs will fail: %s", line)

    async def ready(self, request: Request) -> Response:
        """Respond 200 when the project is open and all preloaded datasets are loaded, otherwise 503.

        Each request tries again to open a project that is not open, and to load datasets that are missing. A server
        that is shutting down responds 503.
        """
        if self._runs.is_draining:
            return _ready_response(request, ReadyResponse(status="draining"))
        if self._runs.is_stuck:
            return _ready_response(request, ReadyResponse(status="stuck", problem=_STUCK))
        if not self._is_open and self._problem is None and self._session.prepared is not None:
            await self._finish_opening()
        session = self._session.prepared
        if session is None or not self._is_open:
            opening = BackgroundTask(self.open_project)
            return _ready_response(request, ReadyResponse(status="starting", problem=self._problem), opening)
        if self._runs.is_starting:
            problem = self._runs.executor_problem
            return _ready_response(request, ReadyResponse(status="starting", problem=problem or _PROCESSES_OPEN))
        if session.missing:
            await self._session.try_load_missing()
        problems = {name: problem for name, problem in session.preloaded.items() if problem}
        missing = {name: problem for name, problem in problems.items() if name in session.missing}
        unshared = {name: problem for name, problem in problems.items() if name not in missing}
        store = self._runs.failure
        found = session.problems
        status: Literal["waiting", "starting", "ready"] = "waiting" if missing else "ready"
        body = ReadyResponse(
            status=status if found.is_any_runnable else "starting",
            missing=missing,
            unshared=unshared,
            broken_pipelines=dict(found.pipelines),
            broken_datasets=dict(found.datasets),
            problem=None if found.is_any_runnable else "No pipeline is left that can run.",
            store=store,
            executor=self._runs.executor_problem,
        )
        return _ready_response(request, body)

    async def _finish_opening(self) -> None:
        """Read the configuration of a project that is loaded, or wait for the task that reads it."""
        if self._opened is not None:
            await self._opened.wait()
        else:
            await self.open_project()

    async def reload(self, request: Request) -> Response:
        """Read schedules, configuration and preloaded datasets again; later runs use them."""
        started = perf_counter()
        try:
            schedules = await self._schedules.read()
        except Exception as error:
            return _reload_problem(error)
        outcome = await self._session.try_reload()
        if outcome.error is not None:
            return _reload_problem(outcome.error)
        await self._schedules.reload(schedules)
        self._is_open, self._problem = True, None
        self._service_manager.opened()
        await self._session.try_check()
        self._log_problems()
        duration_ms = round((perf_counter() - started) * 1000, 2)
        shared = sorted(name for name, problem in outcome.value().preloaded.items() if not problem)
        return json_response(ReloadResponse(preloaded=shared, duration_ms=duration_ms))


def _reload_problem(error: BaseException) -> Response:
    reason = failure_sentence(error)
    _log.error("The reload failed, and nothing has changed: %s", reason)
    problem = ReloadProblem(detail=f"{reason.removesuffix('.')}. Nothing has changed.")
    return Response(encode_json(problem), problem.status, media_type=PROBLEM)


def _ready_response(request: Request, body: ReadyResponse, background: BackgroundTask | None = None) -> Response:
    if not may_see_all(request.scope):
        # A probe has no token and needs no more; the rest tells of the project.
        body = ReadyResponse(status=body.status)
    response = json_response(body, status_code=200 if body.status == "ready" else 503)
    response.background = background
    return response
