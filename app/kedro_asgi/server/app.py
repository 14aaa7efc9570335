"""The composition root: here the server's parts are put together."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
from starlette.applications import Starlette

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.project import load_project
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.errors import EXCEPTION_HANDLERS
from kedro_asgi.server.routes import Routes
from kedro_asgi.server.upkeep import Upkeep
from kedro_asgi.session import AsyncSession, KedroServiceSession

_log = logging.getLogger(__name__)


def create_http_server(
    project_path: str | Path | None = None,
    env: str | None = None,
    conf_source: str | Path | None = None,
    *,
    max_concurrency: int | None = None,
    max_body_bytes: int | None = None,
    preload: Iterable[str] | None = None,
) -> Starlette:
    """Return the ASGI application that serves a project: ``/health``, ``/snapshot`` and ``/run`` (SRV).

    Arguments beat the environment (``KEDRO_PROJECT_PATH``, ``KEDRO_SERVER_ENV``, ``KEDRO_SERVER_CONF_SOURCE``,
    ``KEDRO_SERVER_MAX_CONCURRENCY``, ``KEDRO_SERVER_MAX_BODY_BYTES``, ``KEDRO_SERVER_PRELOAD``), which beats the
    project's options. Raises `ServerSettingsError`. With its lifespan run, a broken project ends the start-up, and
    what is to be preloaded is loaded in it; mounted without, the project is opened by the first request.
    """
    configuration = ServerConfiguration.read(
        project_path=project_path,
        env=env,
        conf_source=conf_source,
        max_concurrency=max_concurrency,
        max_body_bytes=max_body_bytes,
        preload=preload,
    )
    session = AsyncSession(lambda: _open(configuration), max_concurrency=configuration.max_concurrency)
    routes = Routes(session, Dispatcher(session), max_body_bytes=configuration.max_body_bytes)
    upkeep = Upkeep(session)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        _log.info("Bootstrapping Kedro project at: %s", configuration.project_path)
        project = await anyio.to_thread.run_sync(load_project, configuration.project_path)
        if project.options.preload if configuration.preload is None else configuration.preload:
            _raise_briefly((await session.open()).error)
        else:
            upkeep.need_nothing()
        _log.info("Kedro server started successfully")
        async with session:
            yield

    table = [*routes.table(), *upkeep.table()]
    return Starlette(routes=table, lifespan=lifespan, exception_handlers=EXCEPTION_HANDLERS)


def _raise_briefly(error: BaseException | None) -> None:
    """What is wrong with a setting is said without the way to where it was found out."""
    if error is not None:
        raise error.with_traceback(None) if isinstance(error, KedroAsgiError) else error


def _open(configuration: ServerConfiguration) -> KedroServiceSession:
    """Open the project; it is loaded first, so that what is wrong with its ``pyproject.toml`` is what is said."""
    load_project(configuration.project_path)
    return KedroServiceSession.create(
        project_path=configuration.project_path,
        env=configuration.env,
        conf_source=configuration.conf_source,
        serving_mode=True,
        preload=configuration.preload,
    )
