"""What ``kedro-asgi worker`` answers: ``/health`` and ``/ready`` for probes, ``/metrics`` for scrapes, no API."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.dispatch.metric_families import BATCHES, RUNS
from kedro_asgi.schemas import HealthResponse, ReadyResponse
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.errors import EXCEPTION_HANDLERS, json_response
from kedro_asgi.server.http_metrics import HttpMetrics
from kedro_asgi.server.metrics_route import FolderMetricsRoute
from kedro_asgi.versions import kedro_version

WorkerStatus: TypeAlias = Literal["starting", "ready", "draining"]
"""Whether a command takes runs: not yet, now, or no more."""


def create_worker_app(configuration: ServerConfiguration, status: Callable[[], WorkerStatus]) -> Starlette:
    """Return the application; ``status`` tells it of the processes, whose counts are in the configuration's folder."""

    async def health(request: Request) -> Response:
        return json_response(HealthResponse(kedro_version=kedro_version()))

    async def ready(request: Request) -> Response:
        found = status()
        return json_response(ReadyResponse(status=found), status_code=200 if found == "ready" else 503)

    routes = [Route("/health", health, methods=["GET"]), Route("/ready", ready, methods=["GET"])]
    if configuration.metrics and configuration.metrics_folder is not None:
        families = (*RUNS, *(BATCHES if configuration.batching else ()), *HttpMetrics.families)
        routes += FolderMetricsRoute(families, configuration.metrics_folder).table()
    return Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
