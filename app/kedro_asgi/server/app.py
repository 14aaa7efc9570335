"""The composition root: here the server's parts are put together."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
from starlette.applications import Starlette

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.project import load_project
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.errors import EXCEPTION_HANDLERS
from kedro_asgi.server.routes import Routes
from kedro_asgi.session import AsyncSession, KedroServiceSession

_log = logging.getLogger(__name__)


def create_http_server(
    project_path: str | Path | None = None,
    env: str | None = None,
    conf_source: str | Path | None = None,
    *,
    max_concurrency: int | None = None,
    max_body_bytes: int | None = None,
) -> Starlette:
    """Return the ASGI application that serves a project: ``/health``, ``/snapshot`` and ``/run`` (SRV).

    Arguments beat the environment (``KEDRO_PROJECT_PATH``, ``KEDRO_SERVER_ENV``, ``KEDRO_SERVER_CONF_SOURCE``,
    ``KEDRO_SERVER_MAX_CONCURRENCY``, ``KEDRO_SERVER_MAX_BODY_BYTES``). Raises `ServerSettingsError`. With its
    lifespan run, a broken project ends the start-up; mounted without, the project is opened by the first request.
    """
    configuration = ServerConfiguration.read(
        project_path=project_path,
        env=env,
        conf_source=conf_source,
        max_concurrency=max_concurrency,
        max_body_bytes=max_body_bytes,
    )
    session = AsyncSession(lambda: _open(configuration), max_concurrency=configuration.max_concurrency)
    routes = Routes(session, Dispatcher(session), max_body_bytes=configuration.max_body_bytes)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        _log.info("Bootstrapping Kedro project at: %s", configuration.project_path)
        await anyio.to_thread.run_sync(load_project, configuration.project_path)
        _log.info("Kedro server started successfully")
        async with session:
            yield

    return Starlette(routes=routes.table(), lifespan=lifespan, exception_handlers=EXCEPTION_HANDLERS)


def _open(configuration: ServerConfiguration) -> KedroServiceSession:
    """Open the project; it is loaded first, so that what is wrong with its ``pyproject.toml`` is what is said."""
    load_project(configuration.project_path)
    return KedroServiceSession.create(
        project_path=configuration.project_path,
        env=configuration.env,
        conf_source=configuration.conf_source,
        serving_mode=True,
    )
