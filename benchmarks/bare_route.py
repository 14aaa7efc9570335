"""The floor: a bare Starlette route that does the same two calls in one worker-thread hop."""

import json

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def add(x: int, y: int) -> int:
    return x + y


def double(x: int) -> int:
    return 2 * x


def _work(params: dict[str, int]) -> int:
    return double(add(params.get("a", 1), params.get("b", 2)))


async def _run(request: Request) -> JSONResponse:
    body = json.loads(await request.body())
    result = await anyio.to_thread.run_sync(_work, body.get("params") or {})
    return JSONResponse({"status": "success", "outputs": {"d": result}})


def create() -> Starlette:
    """Return the app, for ``uvicorn --factory``."""
    return Starlette(routes=[Route("/run", _run, methods=["POST"])])
