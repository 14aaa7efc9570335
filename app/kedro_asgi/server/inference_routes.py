"""The routes of the Open Inference Protocol (KServe's version 2), by which its clients run pipelines as models."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.server.bodies import BodyReader
from kedro_asgi.server.inference_errors import PROTOCOL_PREFIX
from kedro_asgi.server.kedro_routes import KedroRoutes
from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.typed_orders import TypedOrders
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.server.inference.endpoints import InferenceEndpoints

_MODEL = f"{PROTOCOL_PREFIX}/models/{{name:path}}"


class InferenceRoutes:
    """The routes below ``/v2`` of one served project; ``ready`` answers whether the server is."""

    def __init__(
        self,
        session: AsyncSession,
        pipelines: TypedPipelines,
        orders: TypedOrders,
        bodies: BodyReader,
        *,
        kedro_routes: KedroRoutes,
        ready: Callable[[Request], Awaitable[Response]],
    ) -> None:
        self._session = session
        self._pipelines = pipelines
        self._orders = orders
        self._bodies = bodies
        self._kedro_routes = kedro_routes
        self._ready = ready
        self._made: InferenceEndpoints | None = None

    def table(self) -> list[Route]:
        """Return the routes; the name of a pipeline may contain slashes."""
        return [
            NameRoute(f"{_MODEL}/versions/{{version:path}}", self.refuse_version, methods=["GET", "POST"]),
            NameRoute(f"{_MODEL}/infer", self.infer, methods=["POST"]),
            # Else the name of a pipeline would seem to end with "/infer".
            NameRoute(f"{_MODEL}/infer", self.refuse, methods=["GET"], include_in_schema=False),
            NameRoute(f"{_MODEL}/ready", self.model_ready, methods=["GET"]),
            NameRoute(f"{_MODEL}/config", self.configuration, methods=["GET"]),
            Route(f"{PROTOCOL_PREFIX}/models", self.models, methods=["GET"]),
            NameRoute(_MODEL, self.model, methods=["GET"]),
            Route(f"{PROTOCOL_PREFIX}/repository/index", self.index, methods=["POST"]),
            Route(f"{PROTOCOL_PREFIX}/health/live", self.live, methods=["GET"]),
            Route(f"{PROTOCOL_PREFIX}/health/ready", self.ready, methods=["GET"]),
            Route(PROTOCOL_PREFIX, self.server, methods=["GET"]),
        ]

    async def server(self, request: Request) -> Response:
        """Describe the server."""
        return await (await self._endpoints()).server(request)

    async def live(self, request: Request) -> Response:
        """Return a constant, which shows that the event loop runs."""
        return await (await self._endpoints()).live(request)

    async def ready(self, request: Request) -> Response:
        """Respond 200 when the server is ready, as ``GET /ready`` says, otherwise 503."""
        return await (await self._endpoints()).ready(request)

    async def models(self, request: Request) -> Response:
        """List the pipelines that can run."""
        return await (await self._endpoints()).models(request)

    async def index(self, request: Request) -> Response:
        """List all pipelines, with their states."""
        return await (await self._endpoints()).index(request)

    async def model(self, request: Request) -> Response:
        """Return the tensors that a pipeline takes and gives."""
        return await (await self._endpoints()).model(request)

    async def model_ready(self, request: Request) -> Response:
        """Respond 200 if a pipeline can run."""
        return await (await self._endpoints()).model_ready(request)

    async def configuration(self, request: Request) -> Response:
        """Return what `model` returns, as the configuration that load generators ask for."""
        return await (await self._endpoints()).configuration(request)

    async def infer(self, request: Request) -> Response:
        """Run a pipeline with the tensors of a request."""
        return await (await self._endpoints()).infer(request)

    async def refuse(self, request: Request) -> Response:
        """Respond 405."""
        raise HTTPException(405, headers={"Allow": "POST"})

    async def refuse_version(self, request: Request) -> Response:
        """Respond 404: a pipeline has no versions."""
        name = request.path_params["name"]
        raise HTTPException(404, f"Pipeline '{name}' has no versions: leave '/versions/…' out of the address.")

    async def _endpoints(self) -> "InferenceEndpoints":
        if self._made is None:
            self._made = await anyio.to_thread.run_sync(self._make)
        return self._made

    def _make(self) -> "InferenceEndpoints":
        # Few servers get requests of the protocol, so its modules are imported with the first one, in a thread.
        from kedro_asgi.server.inference.endpoints import InferenceEndpoints

        return InferenceEndpoints(
            self._session,
            self._pipelines,
            self._orders,
            self._bodies,
            kedro_routes=self._kedro_routes,
            ready=self._ready,
        )
