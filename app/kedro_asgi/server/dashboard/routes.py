"""The routes of the dashboard: its files, and the way from the root of the server to them."""

import anyio
import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from kedro_asgi.server.dashboard.plotly_script import find_plotly_script
from kedro_asgi.server.page_routes import PageRoutes, page_headers, page_policy
from kedro_asgi.server.static_files import has_content

_POLICY = page_policy(images="data: blob:", more="frame-src 'self'")
# plotly writes style sheets of its own. Its figures are in a frame without the rights of the page.
_FIGURE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-downloads"
)
# Each file is small, so compressing one takes less than a millisecond.
_COMPRESSED = Middleware(GZipMiddleware, minimum_size=500, compresslevel=6)


class DashboardRoutes:
    """``GET /dashboard/…``: the files of the page; ``GET /`` leads there."""

    def __init__(self) -> None:
        self._pages = PageRoutes(
            "kedro_asgi.server.dashboard",
            "dashboard",
            policy=_POLICY,
            policies={"figure.html": _FIGURE_POLICY},
            middleware=[_COMPRESSED],
        )

    def table(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self._pages.redirect, methods=["GET"], include_in_schema=False),
            Route("/dashboard/plotly.js", self.plotly, methods=["GET"], include_in_schema=False),
            *self._pages.table(),
        ]

    async def plotly(self, request: Request) -> Response:
        """Return the script that draws figures, of the plotly that the project has."""
        script = await anyio.to_thread.run_sync(find_plotly_script)
        if script is None:
            raise HTTPException(404)
        headers = {**page_headers(_POLICY), "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        status = await anyio.Path(script).stat()
        answer = FileResponse(script, media_type="text/javascript", headers=headers, stat_result=status)
        etag = answer.headers["etag"]
        return Response(status_code=304, headers={**headers, "ETag": etag}) if has_content(request, etag) else answer
