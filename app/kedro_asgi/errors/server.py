"""Errors of the server's settings."""

from kedro_asgi.errors.base import KedroAsgiError


class ServerSettingsError(KedroAsgiError):
    """The server got no project, or a setting that it cannot use."""
