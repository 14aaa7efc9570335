"""The floor of answers that are ready: a bare Starlette route that sends the bytes of the file ``BENCH_BYTES``."""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def create() -> Starlette:
    """Return the app, for ``uvicorn --factory``."""
    content = Path(os.environ["BENCH_BYTES"]).read_bytes()

    async def send(_: Request) -> Response:
        return Response(content, media_type="application/json")

    return Starlette(routes=[Route("/snapshot", send)])
