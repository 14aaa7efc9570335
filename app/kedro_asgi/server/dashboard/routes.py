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
from kedro_asgi.server.static_files import StaticFolder, has_content, static_response

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# plotly writes style sheets of its own. Its figures are in a frame without the rights of the page.
_FIGURE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-downloads"
)
# Each file is small, so compressing one takes less than a millisecond.
_COMPRESSED = Middleware(GZipMiddleware, minimum_size=500, compresslevel=6)
_FIGURE = "figure.html"
_PAGE = "index.html"


class DashboardRoutes:
    """``GET /dashboard/…``: the files of the page; ``GET /`` leads there.

    Redirects are relative to the request, so they hold behind any prefix, also one that a proxy takes away.
    """

    def __init__(self) -> None:
        self._files = StaticFolder("kedro_asgi.server.dashboard")

    def table(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self.redirect, methods=["GET"], include_in_schema=False),
            Route("/dashboard", self.redirect, methods=["GET"], include_in_schema=False),
            Route("/dashboard/plotly.js", self.plotly, methods=["GET"], include_in_schema=False),
            Route(
                "/dashboard/{path:path}", self.read, methods=["GET"], include_in_schema=False, middleware=[_COMPRESSED]
            ),
        ]

    async def redirect(self, request: Request) -> Response:
        """Redirect to the page."""
        return Response(status_code=307, headers={"Location": "dashboard/", "Cache-Control": "no-cache"})

    async def read(self, request: Request) -> Response:
        """Return one file; the page itself has no name."""
        path = request.path_params["path"] or _PAGE
        file = await self._files.find(path)
        if file is None:
            raise HTTPException(404)
        return static_response(request, file, headers=_headers(_FIGURE_POLICY if path == _FIGURE else _POLICY))

    async def plotly(self, request: Request) -> Response:
        """Return the script that draws figures, of the plotly that the project has."""
        script = await anyio.to_thread.run_sync(find_plotly_script)
        if script is None:
            raise HTTPException(404)
        headers = {**_headers(_POLICY), "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        status = await anyio.Path(script).stat()
        answer = FileResponse(script, media_type="text/javascript", headers=headers, stat_result=status)
        etag = answer.headers["etag"]
        return Response(status_code=304, headers={**headers, "ETag": etag}) if has_content(request, etag) else answer


def _headers(policy: str) -> dict[str, str]:
    return {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
