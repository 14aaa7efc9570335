"""The composition root: here the server's parts are put together."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.applications import Starlette

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.errors import DispatchError, KedroAsgiError
from kedro_asgi.project import load_project
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.errors import EXCEPTION_HANDLERS
from kedro_asgi.server.problems import InvalidQueryError, explain_dispatch, explain_query
from kedro_asgi.server.routes import Routes
from kedro_asgi.server.runs import RunRoutes
from kedro_asgi.server.signals import draining_on_signals
from kedro_asgi.server.upkeep import Upkeep
from kedro_asgi.session import AsyncSession, KedroServiceSession

_log = logging.getLogger(__name__)


def create_http_server(
    project_path: str | Path | None = None,
    env: str | None = None,
    conf_source: str | Path | None = None,
    *,
    max_body_bytes: int | None = None,
    preload: Iterable[str] | None = None,
    store: str | Path | None = None,
    policy: Policy | None = None,
    busy_status: int | None = None,
    cancel_on_hang_up: bool | None = None,
    drain_on_signals: bool | None = None,
) -> Starlette:
    """Return the ASGI application that serves a project: ``/health``, ``/snapshot``, ``/run`` (SRV) and ``/runs``.

    Arguments beat the environment (``KEDRO_PROJECT_PATH``, ``KEDRO_SERVER_ENV``, ``KEDRO_SERVER_CONF_SOURCE``,
    ``KEDRO_SERVER_STORE``, ``KEDRO_SERVER_PRELOAD`` and so on; a ``policy`` beats the variables of all its fields),
    which beats the project's options. ``store`` is a path, a URL or ``memory:``; a file in the project's folder unless
    told. Raises `ServerSettingsError`. With its lifespan run, a broken ``pyproject.toml`` ends the start-up, what is to
    be preloaded is loaded in it, and the project is opened behind it; mounted without, the first request opens it.
    """
    configuration = ServerConfiguration.read(
        project_path=project_path,
        env=env,
        conf_source=conf_source,
        max_body_bytes=max_body_bytes,
        preload=preload,
        store=store,
        policy=policy,
        busy_status=busy_status,
        cancel_on_hang_up=cancel_on_hang_up,
        drain_on_signals=drain_on_signals,
    )
    session = AsyncSession(lambda: _open(configuration), max_concurrency=configuration.policy.max_concurrent_runs)
    runs = Dispatcher(session, store=configuration.store, policy=configuration.policy)
    routes = Routes(
        session,
        runs,
        max_body_bytes=configuration.max_body_bytes,
        cancel_on_hang_up=configuration.cancel_on_hang_up,
    )
    run_routes = RunRoutes(runs, max_body_bytes=configuration.max_body_bytes)
    upkeep = Upkeep(session, runs)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        _log.info("Bootstrapping Kedro project at: %s", configuration.project_path)
        project = await anyio.to_thread.run_sync(load_project, configuration.project_path)
        if project.options.preload if configuration.preload is None else configuration.preload:
            _raise_briefly((await session.open()).error)
        _log.info("Kedro server started successfully")
        draining = draining_on_signals(runs, is_wanted=configuration.drain_on_signals)
        async with AsyncExitStack() as stack:
            try:
                for part in (session, runs, draining):
                    await stack.enter_async_context(part)
            except KedroAsgiError as error:
                _raise_briefly(error)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            tasks.start_soon(upkeep.open)
            yield
            tasks.cancel_scope.cancel()

    handlers = {
        **EXCEPTION_HANDLERS,
        DispatchError: partial(explain_dispatch, busy_status=configuration.busy_status),
        InvalidQueryError: explain_query,
    }
    table = [*routes.table(), *run_routes.table(), *upkeep.table()]
    return Starlette(routes=table, lifespan=lifespan, exception_handlers=handlers)


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
