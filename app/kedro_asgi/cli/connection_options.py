"""uvicorn's options for the limits of connections."""

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from kedro_asgi.server.configuration import ConnectionLimits


def connection_options(limits: ConnectionLimits) -> dict[str, Any]:
    """Return uvicorn's options for the limits; without httptools, as on PyPy, it has no limit of time for headers."""
    options: dict[str, Any] = {"limit_concurrency": limits.max_connections}
    if find_spec("httptools") is None:
        return {**options, "h11_max_incomplete_event_size": limits.max_header_bytes}
    protocol = import_module("kedro_asgi.cli.http_protocol").BoundedHttpProtocol
    return {**options, "http": partial(protocol, limits=limits)}
