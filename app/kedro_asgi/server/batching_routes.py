"""The route that explains which pipelines are batched, why others are not, and what it has brought."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.schemas import BatchingList
from kedro_asgi.server.access.caller import limits_of
from kedro_asgi.server.errors import json_response
from kedro_asgi.session import AsyncSession


class BatchingRoutes:
    """``GET /batching`` of one served project."""

    def __init__(self, session: AsyncSession, runs: Dispatcher) -> None:
        self._session = session
        self._runs = runs

    def table(self) -> list[Route]:
        """Return the routes."""
        return [Route("/batching", self.list, methods=["GET"])]

    async def list(self, request: Request) -> Response:
        """List the pipelines that are to be batched, as far as the caller may see them."""
        batching, limits = self._runs.batching, limits_of(request.scope)
        if batching is None:
            return json_response(BatchingList())
        if self._session.prepared is not None:
            await batching.check()
        found = (one for one in batching.describe() if limits is None or one.pipeline in limits)
        return json_response(BatchingList(pipelines=tuple(found)))
