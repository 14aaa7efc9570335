"""The routes of the pages that a package holds: its files, and the way to them."""

from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.server.static_files import StaticFolder, static_response

_PAGE = "index.html"
_NO_POLICIES: Mapping[str, str] = {}


class PageRoutes:
    """``GET /<name>/…``: the files in the folder ``static`` of a package; the page itself has no name.

    ``policy`` is the content security policy of each file, unless ``policies`` has one for it. Redirects are relative
    to the request, so they hold behind any prefix, also one that a proxy takes away.
    """

    def __init__(
        self,
        package: str,
        name: str,
        *,
        policy: str,
        policies: Mapping[str, str] = _NO_POLICIES,
        middleware: Sequence[Middleware] = (),
    ) -> None:
        self._files = StaticFolder(package)
        self._name = name
        self._policy = policy
        self._policies = policies
        self._middleware = middleware

    def table(self) -> list[Route]:
        """Return the routes."""
        path = f"/{self._name}"
        return [
            Route(path, self.redirect, methods=["GET"], include_in_schema=False),
            Route(
                f"{path}/{{path:path}}",
                self.read,
                methods=["GET"],
                include_in_schema=False,
                middleware=self._middleware,
            ),
        ]

    async def redirect(self, request: Request) -> Response:
        """Redirect to the page."""
        return Response(status_code=307, headers={"Location": f"{self._name}/", "Cache-Control": "no-cache"})

    async def read(self, request: Request) -> Response:
        """Return one file."""
        path = request.path_params["path"] or _PAGE
        file = await self._files.find(path)
        if file is None:
            raise HTTPException(404)
        return static_response(request, file, headers=page_headers(self._policies.get(path, self._policy)))


def page_policy(*, images: str, more: str = "") -> str:
    """Return the content security policy of a page whose scripts and styles are files of its server.

    ``images`` are the schemes of images beside those, and ``more`` is another directive.
    """
    directives = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src 'self' {images}",
        "connect-src 'self'",
        *((more,) if more else ()),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
    return "; ".join(directives)


def page_headers(policy: str) -> dict[str, str]:
    """Return the headers of a file of a page with that content security policy."""
    return {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
