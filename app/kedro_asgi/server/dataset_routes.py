"""The route of previews of datasets."""

from typing import TYPE_CHECKING

import anyio
from anyio.lowlevel import current_token
from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi.errors import NoPreviewError
from kedro_asgi.media_types import JSON
from kedro_asgi.outcome import Outcome
from kedro_asgi.server.access.caller import limits_of
from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.problems import explain_preview_timeout, explain_project_error
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.daemon_thread import run_in_daemon_thread
from kedro_asgi.session.event_loop import call_soon

if TYPE_CHECKING:
    from kedro_asgi.session import KedroServiceSession

_MAX_AT_ONCE = 2
_MAX_SECONDS = 20.0


class DatasetRoutes:
    """``GET /datasets/{name}/preview`` of one served project."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._slots = anyio.Semaphore(_MAX_AT_ONCE)

    def table(self) -> list[NameRoute]:
        """Return the routes; the name of a dataset may contain slashes."""
        return [NameRoute("/datasets/{name:path}/preview", self.preview, methods=["GET"])]

    async def preview(self, request: Request) -> Response:
        """Return the preview of a dataset whose catalog entry asks for one."""
        name, limits = request.path_params["name"], limits_of(request.scope)
        if limits is not None and not await self._is_visible(name, limits):
            return explain_project_error(NoPreviewError(name, "no pipeline of the caller uses it"))
        with anyio.move_on_after(_MAX_SECONDS):
            outcome = await self._preview(name)
            if outcome.error is not None:
                return explain_project_error(outcome.error)
            return Response(outcome.value(), media_type=JSON, headers={"Cache-Control": "no-store"})
        return explain_preview_timeout(name, seconds=_MAX_SECONDS)

    async def _is_visible(self, name: str, limits: frozenset[str]) -> bool:
        """Tell whether one of these pipelines uses a dataset."""

        def is_used(session: "KedroServiceSession") -> bool:
            pipelines = session.engine.planner.project.pipelines.load()
            return any(name in found.datasets() for key, found in pipelines.items() if key in limits)

        outcome = await self._session.in_free_thread(is_used)
        return outcome.error is None and outcome.value()

    async def _preview(self, name: str) -> Outcome[bytes]:
        """Load a preview in a thread, which keeps its slot until it ends, also if its caller has gone.

        A caller waits for a slot without a thread: neither loads nor threads pile up behind a dataset that hangs.
        """
        opened = await self._session.open()
        if opened.error is not None:
            return Outcome(error=opened.error)
        session, loop = opened.value(), current_token()
        await self._slots.acquire()

        def load() -> Outcome[bytes]:
            try:
                return Outcome.of(lambda: _preview(session, name))
            finally:
                call_soon(loop, self._slots.release)

        return await run_in_daemon_thread(load)


def _preview(session: "KedroServiceSession", name: str) -> bytes:
    # Few servers are asked for previews.
    from kedro_asgi.session.previews import preview_dataset

    return preview_dataset(session.engine, name)
