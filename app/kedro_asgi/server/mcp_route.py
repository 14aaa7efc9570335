"""``POST /mcp``: the pipelines as tools of agents, by the Model Context Protocol."""

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.encoding import encode_json
from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.media_types import JSON
from kedro_asgi.outcome import Outcome
from kedro_asgi.server.access.audit import leave_to_route
from kedro_asgi.server.bodies import BodyReader
from kedro_asgi.server.direct_routes import Endpoint
from kedro_asgi.server.typed_orders import TypedOrders
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.daemon_thread import run_in_daemon_thread

if TYPE_CHECKING:
    from kedro_asgi.server.mcp.http_endpoint import HttpEndpoint

# The SDK reads a message on the event loop, up to 0.4 s for each MiB; agents send no tables.
_MAX_BYTES = 256 * 1024
# The code of JSON-RPC for a message that is not answered as a request.
_INVALID_REQUEST = -32600


class McpRoute:
    """The endpoint of agents; the modules of the protocol are imported with the first message."""

    def __init__(
        self,
        session: AsyncSession,
        runs: Dispatcher,
        bodies: BodyReader,
        pipelines: TypedPipelines,
        orders: TypedOrders,
    ) -> None:
        check_mcp()
        self._bodies = bodies
        self._make = partial(_make_endpoint, session, runs, pipelines, orders)
        self._endpoint: HttpEndpoint | None = None

    def table(self) -> list[Route]:
        """Return the route; a ``GET``, which would open a stream without end, is answered 405."""
        return [Route("/mcp", Endpoint(self.receive), name="mcp", methods=["POST"])]

    async def receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one message."""
        request = Request(scope, receive, send)
        try:
            body = await self._bodies.read_bytes(request, max_bytes=_MAX_BYTES)
        except HTTPException as error:
            await _explained(error)(scope, receive, send)
            return
        if self._endpoint is None:
            made = await run_in_daemon_thread(partial(Outcome.of, self._make))
            # Another request may have made it meanwhile.
            self._endpoint = self._endpoint or made.value()
        leave_to_route(scope)
        await self._endpoint.answer(body, scope, receive, send)


def check_mcp() -> None:
    """Raise `ServerSettingsError` without the package that speaks the protocol."""
    if find_spec("mcp") is None:
        raise ServerSettingsError("The Model Context Protocol needs an extra: pip install 'kedro-asgi[mcp]'.")


def _explained(error: HTTPException) -> Response:
    """Return the response for a body that was not read: clients show an agent only errors of the protocol."""
    message = {"jsonrpc": "2.0", "id": None, "error": {"code": _INVALID_REQUEST, "message": f"{error.detail}."}}
    return Response(encode_json(message), error.status_code, error.headers, media_type=JSON)


def _make_endpoint(
    session: AsyncSession, runs: Dispatcher, pipelines: TypedPipelines, orders: TypedOrders
) -> "HttpEndpoint":
    from kedro_asgi.server.mcp.cancelled_calls import CancelledCalls
    from kedro_asgi.server.mcp.http_endpoint import HttpEndpoint
    from kedro_asgi.server.mcp.protocol_server import ServedParts, make_protocol_server

    parts = ServedParts(session=session, runs=runs, pipelines=pipelines, orders=orders)
    return HttpEndpoint(make_protocol_server(parts), CancelledCalls(runs))
