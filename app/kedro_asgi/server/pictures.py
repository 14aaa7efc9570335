"""Responses that are SVG pictures."""

from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi.server.static_files import StaticFile, static_response

# A picture brings its style, and needs nothing else.
SVG_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


def svg_file(picture: str) -> StaticFile:
    """Return a picture as a file."""
    return StaticFile.of(picture.encode(), "image/svg+xml")


def svg_response(request: Request, picture: str) -> Response:
    """Return a picture, or 304 if the client has the same one."""
    return static_response(request, svg_file(picture), headers=SVG_HEADERS)
