"""The routes of the page that shows the OpenAPI document."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.server.static_files import StaticFolder, static_response

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"}
_PAGE = "index.html"


class DocsRoutes:
    """``GET /docs/…``: a page that shows ``/openapi.json`` and asks no other host for anything."""

    def __init__(self) -> None:
        self._files = StaticFolder("kedro_asgi.server.docs")

    def table(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/docs", self.lead, methods=["GET"], include_in_schema=False),
            Route("/docs/{path:path}", self.read, methods=["GET"], include_in_schema=False),
        ]

    async def lead(self, request: Request) -> Response:
        """Redirect to the page; relative, so that it holds behind any prefix."""
        return Response(status_code=307, headers={"Location": "docs/", "Cache-Control": "no-cache"})

    async def read(self, request: Request) -> Response:
        """Return one file; the page itself has no name."""
        file = await self._files.find(request.path_params["path"] or _PAGE)
        if file is None:
            raise HTTPException(404)
        return static_response(request, file, headers=_HEADERS)
