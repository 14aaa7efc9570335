"""The composition root: creates the server's parts and connects them."""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from starlette.applications import Starlette
from starlette.middleware import Middleware

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.errors import DispatchError, ProjectError
from kedro_asgi.server.access.refusals import AccessRefusedError
from kedro_asgi.server.access.wiring import access_control, access_middleware
from kedro_asgi.server.configuration import ServerConfiguration, ServerOptions, unknown_variables
from kedro_asgi.server.direct_routes import DirectRoutes
from kedro_asgi.server.errors import EXCEPTION_HANDLERS, Explain
from kedro_asgi.server.inference_errors import with_protocol_errors
from kedro_asgi.server.lifespan import Lifespan
from kedro_asgi.server.problems import (
    InvalidQueryError,
    explain_dispatch_error,
    explain_query_error,
    explain_refusal,
    explain_unreadable_project,
)
from kedro_asgi.server.request_middleware import observe_requests
from kedro_asgi.server.route_table import RouteTable
from kedro_asgi.server.server_parts import ServerParts
from kedro_asgi.server.shutdown import ShutdownMiddleware
from kedro_asgi.tracing.activation import prepare_tracing
from kedro_asgi.tracing.sdk import set_up_sdk

_log = logging.getLogger(__name__)


def create_http_server(
    project_path: str | Path | None = None,
    env: str | None = None,
    conf_source: str | Path | None = None,
    **options: Unpack[ServerOptions],
) -> Starlette:
    """Return the ASGI application that serves a project: Kedro's routes (SRV-14), ``/runs`` and others.

    An argument beats its environment variable (``KEDRO_PROJECT_PATH``, ``KEDRO_SERVER_ENV``, ``KEDRO_SERVER_STORE`` and
    so on), which beats the project's options; `ServerConfiguration` says what each does. A ``policy`` beats the
    variables of all its fields. ``store`` is a path, a URL or ``memory:``; the default is a file in the project's
    folder. ``dashboard`` of ``False`` serves no pages, only the API, and ``docs`` of ``False`` no page at ``/docs``;
    ``metrics`` of ``False`` counts nothing.
    Raises `ServerSettingsError`.

    ``package_name`` names an installed package whose configuration is at ``project_path``, by default the working
    directory; such a project needs no ``pyproject.toml``.

    The lifespan fails if ``pyproject.toml`` is broken, loads the preloaded datasets, and then opens the project in the
    background. An application that is mounted without its lifespan opens the project at the first request.
    """
    configuration = ServerConfiguration.read(project_path=project_path, env=env, conf_source=conf_source, **options)
    if configuration.otel:
        set_up_sdk()
    prepare_tracing()
    for line in unknown_variables():
        _log.warning("%s", line)
    parts = ServerParts.of(configuration)
    table = RouteTable.of(parts)
    control = access_control(configuration.access, pipelines_of_run=partial(_pipelines_of_run, parts.runs))
    return Starlette(
        routes=table.routes if control is None else control.protect(table.routes),
        lifespan=Lifespan(parts),
        middleware=_middleware(parts, table),
        exception_handlers=_exception_handlers(configuration),
    )


async def _pipelines_of_run(runs: Dispatcher, run_id: str) -> tuple[str, ...]:
    return (await runs.read(run_id)).pipeline_names


def _middleware(parts: ServerParts, table: RouteTable) -> list[Middleware]:
    """Return the middleware for all requests, the outermost first."""
    configuration = parts.configuration
    return [
        Middleware(
            observe_requests,
            metrics=parts.http_metrics,
            is_counted=configuration.metrics,
            is_logged=configuration.log_format == "json",
        ),
        *access_middleware(configuration.access),
        Middleware(ShutdownMiddleware, shutdown=parts.shutdown),
        Middleware(DirectRoutes, routes=table.direct),
    ]


def _exception_handlers(configuration: ServerConfiguration) -> Mapping[Any, Explain]:
    handlers: dict[Any, Explain] = {
        **EXCEPTION_HANDLERS,
        AccessRefusedError: explain_refusal,
        DispatchError: partial(explain_dispatch_error, busy_status=configuration.busy_status),
        InvalidQueryError: explain_query_error,
        ProjectError: explain_unreadable_project,
    }
    return with_protocol_errors(handlers) if configuration.open_inference else handlers
