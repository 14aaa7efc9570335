"""``POST /run`` reaches its route without a search for it, and in all else as any other request does."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from kedro_asgi.server.direct_routes import DirectRoutes

pytestmark = pytest.mark.anyio


async def run(request: Request) -> Response:
    if "fail" in request.query_params:
        raise HTTPException(418, "no coffee")
    if "break" in request.query_params:
        raise ValueError("broken")
    return PlainTextResponse(f"{request.method} {request.scope['route'].path} {request.path_params}")


async def explain(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"explained {error}", 418)


def app_with(route: Route) -> Starlette:
    middleware = [Middleware(DirectRoutes, routes=[route])]
    return Starlette(routes=[route], middleware=middleware, exception_handlers={HTTPException: explain})


def client(*, prefix: str = "") -> httpx.AsyncClient:
    app = app_with(Route("/run", run, methods=["POST"]))
    if prefix:
        app = Starlette(routes=[Mount(prefix, app)])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_a_request_reaches_the_route_at_once() -> None:
    assert (await client().post("/run")).text == "POST /run {}"
    assert (await client(prefix="/api").post("/api/run")).text == "POST /run {}"


async def test_the_applications_handlers_explain_errors() -> None:
    failed = await client().post("/run?fail=1")
    assert (failed.status_code, failed.text) == (418, "explained 418: no coffee")
    assert (await client().post("/run?break=1")).status_code == 500


async def test_other_requests_go_the_usual_way() -> None:
    assert (await client().get("/run")).text == "explained 405: Method Not Allowed"
    assert (await client().post("/runs")).text == "explained 404: Not Found"
    # The prefix itself is no path of the application.
    assert (await client(prefix="/run").post("/run")).status_code != 200
    assert (await client(prefix="/run").post("/run/run")).text == "POST /run {}"
