"""The routes of the dashboard: its files, and the way from the root of the server to them."""

from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.server.static_files import read_static_files, static_response

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"}
_PAGE = "index.html"


class DashboardRoutes:
    """``GET /dashboard/…``: the files of the page; ``GET /`` leads there.

    Redirects are relative to the request, so they hold behind any prefix, also one that a proxy takes away.
    """

    def __init__(self) -> None:
        self._files = read_static_files(files("kedro_asgi.server.dashboard") / "static")

    def table(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self.lead, methods=["GET"], include_in_schema=False),
            Route("/dashboard", self.lead, methods=["GET"], include_in_schema=False),
            Route("/dashboard/{path:path}", self.read, methods=["GET"], include_in_schema=False),
        ]

    async def lead(self, request: Request) -> Response:
        """Redirect to the page."""
        return Response(status_code=307, headers={"Location": "dashboard/", "Cache-Control": "no-cache"})

    async def read(self, request: Request) -> Response:
        """Return one file; the page itself has no name."""
        file = self._files.get(request.path_params["path"] or _PAGE)
        if file is None:
            raise HTTPException(404)
        return static_response(request, file, headers=_HEADERS)
