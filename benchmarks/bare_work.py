"""A bare Starlette route for `work`: one worker-thread hop a request, and ``/health`` beside it."""

import anyio.to_thread
import work
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def _run(request: Request) -> JSONResponse:
    name = (await request.json())["pipeline_names"][0]
    await anyio.to_thread.run_sync(getattr(work, name), 1)
    return JSONResponse({"status": "success"})


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def create() -> Starlette:
    """Return the app, for ``uvicorn --factory``."""
    return Starlette(routes=[Route("/run", _run, methods=["POST"]), Route("/health", _health)])
