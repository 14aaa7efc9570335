"""The HTTP server: a Starlette application that answers as Kedro's server does, and more."""

from kedro_asgi.server.app import create_http_server

__all__ = ["create_http_server"]
