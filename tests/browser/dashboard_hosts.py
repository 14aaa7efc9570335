"""Applications for uvicorn that put a served project behind a prefix."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

from kedro_asgi.server import create_http_server

PREFIX = "/team a/kedro"
_ENDS_WITH_CONNECTION = {"connection", "transfer-encoding", "host"}


def mounted() -> Starlette:
    """Return an application with the project at ``$PROJECT`` mounted below `PREFIX`."""
    served = create_http_server(os.environ["PROJECT"])

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with served.router.lifespan_context(served):
            yield

    return Starlette(routes=[Route("/health", _health), Mount(PREFIX, served)], lifespan=lifespan)


def stripping_proxy() -> Starlette:
    """Return a proxy to ``$UPSTREAM`` that takes `PREFIX` off each path, and does not tell the server."""
    client = httpx.AsyncClient(base_url=os.environ["UPSTREAM"], timeout=None)

    async def forward(request: Request) -> Response:
        # The path as it was sent: a name in it may hold an encoded slash.
        path = request.scope["raw_path"].decode().removeprefix(PREFIX.replace(" ", "%20"))
        url = httpx.URL(path, query=request.url.query.encode())
        headers = [(name, value) for name, value in request.headers.items() if name not in _ENDS_WITH_CONNECTION]
        sent = client.build_request(request.method, url, headers=headers, content=await request.body())
        answer = await client.send(sent, stream=True)
        kept = {name: value for name, value in answer.headers.items() if name not in _ENDS_WITH_CONNECTION}
        return StreamingResponse(answer.aiter_raw(), answer.status_code, kept)

    routes = [
        Route("/health", _health),
        Route(PREFIX + "/{path:path}", forward, methods=["GET", "POST", "HEAD"]),
    ]
    return Starlette(routes=routes)


async def _health(request: Request) -> Response:
    return Response("here")
