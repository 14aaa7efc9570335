"""The route of previews of datasets."""

import threading

import anyio
from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.problems import explain_preview_timeout, explain_project_error
from kedro_asgi.session import AsyncSession, KedroServiceSession
from kedro_asgi.session.previews import preview_dataset

_MAX_AT_ONCE = 2
_MAX_SECONDS = 20.0


class DatasetRoutes:
    """``GET /datasets/{name}/preview`` of one served project."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._slots = threading.BoundedSemaphore(_MAX_AT_ONCE)

    def table(self) -> list[NameRoute]:
        """Return the routes; the name of a dataset may contain slashes."""
        return [NameRoute("/datasets/{name:path}/preview", self.preview, methods=["GET"])]

    async def preview(self, request: Request) -> Response:
        """Return the preview of a dataset whose catalog entry asks for one."""
        name = request.path_params["name"]
        with anyio.move_on_after(_MAX_SECONDS):
            outcome = await self._session.in_free_thread(lambda session: self._preview(session, name))
            if outcome.error is not None:
                return explain_project_error(outcome.error)
            return Response(outcome.value(), media_type="application/json", headers={"Cache-Control": "no-store"})
        return explain_preview_timeout(name, seconds=_MAX_SECONDS)

    def _preview(self, session: KedroServiceSession, name: str) -> bytes:
        # The thread holds its slot until it ends, also if its caller has gone: loads must not pile up.
        with self._slots:
            return preview_dataset(session.engine, name)
