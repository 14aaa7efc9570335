"""The HTTP face: Kedro's wire contract as a Starlette application."""

from kedro_asgi.server.app import create_http_server

__all__ = ["create_http_server"]
