"""The composition root: creates the server's parts and connects them."""

import gc
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.supervision import go_on
from kedro_asgi.errors import DispatchError, KedroAsgiError, ProjectError
from kedro_asgi.server.access.refusals import AccessRefusedError
from kedro_asgi.server.access.wiring import access_control, access_middleware
from kedro_asgi.server.admin_routes import AdminRoutes
from kedro_asgi.server.batching_routes import BatchingRoutes
from kedro_asgi.server.bodies import BodyReader
from kedro_asgi.server.configuration import ServerConfiguration, ServerOptions, unknown_variables
from kedro_asgi.server.dashboard import DashboardRoutes
from kedro_asgi.server.dataset_routes import DatasetRoutes
from kedro_asgi.server.description_routes import DescriptionRoutes
from kedro_asgi.server.direct_routes import DirectRoutes
from kedro_asgi.server.docs import DocsRoutes
from kedro_asgi.server.errors import EXCEPTION_HANDLERS
from kedro_asgi.server.http_metrics import HttpMetrics, HttpMetricsMiddleware
from kedro_asgi.server.kedro_routes import KedroRoutes
from kedro_asgi.server.metrics_route import MetricsRoute
from kedro_asgi.server.notification_routes import NotificationRoutes
from kedro_asgi.server.parts import make_session, worker_options
from kedro_asgi.server.pipeline_routes import PipelineRoutes
from kedro_asgi.server.problems import (
    InvalidQueryError,
    explain_dispatch_error,
    explain_query_error,
    explain_refusal,
    explain_unreadable_project,
)
from kedro_asgi.server.request_middleware import with_request_facts
from kedro_asgi.server.run_routes import RunRoutes
from kedro_asgi.server.schedule_routes import ScheduleRoutes
from kedro_asgi.server.served_schedules import ServedSchedules
from kedro_asgi.server.shutdown import Shutdown, ShutdownMiddleware
from kedro_asgi.server.systemd import ServiceManager
from kedro_asgi.server.typed_orders import TypedOrders
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.server.typed_routes import TypedRoutes
from kedro_asgi.server.viz_routes import VizRoutes
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.async_session import Outcome
from kedro_asgi.session.daemon_thread import run_in_daemon_thread
from kedro_asgi.session.reload_signal import RELOAD_SIGNAL_VARIABLE
from kedro_asgi.tracing.activation import prepare_tracing
from kedro_asgi.tracing.sdk import LAST_SECONDS, flush_spans, set_up_sdk

if TYPE_CHECKING:
    from kedro_asgi.project import Project

_log = logging.getLogger(__name__)

# How long a worker that replaces another one opens its project before it listens all the same.
_OPENING_SECONDS = 30.0
# How often a worker looks whether another one has reloaded: runs look themselves, other requests do not.
_LOOK_SECONDS = 1.0


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
    session = make_session(configuration)
    runs = Dispatcher(session, **worker_options(configuration))
    http_metrics = HttpMetrics()
    metrics_route = MetricsRoute(runs, http_metrics, configuration.metrics_folder) if configuration.metrics else None
    shutdown = Shutdown(runs, delays_signals=configuration.drain_on_signals)
    bodies = BodyReader(
        shutdown, max_bytes=configuration.max_body_bytes, timeout_seconds=configuration.body_timeout_seconds
    )
    kedro_routes = KedroRoutes(
        session,
        runs,
        bodies,
        cancel_on_hang_up=configuration.cancel_on_hang_up,
        failure_status=configuration.failure_status,
    )
    run_routes = RunRoutes(runs, bodies)
    pipeline_routes = PipelineRoutes(session, runs, has_dashboard=configuration.dashboard)
    typed_pipelines = TypedPipelines(session)
    typed_orders = TypedOrders(session, bodies)
    typed_routes = TypedRoutes(typed_pipelines, typed_orders, bodies, kedro_routes=kedro_routes, run_routes=run_routes)
    description_routes = DescriptionRoutes(session, typed_pipelines, configuration)
    schedules = ServedSchedules(session, runs, partial(_read_project, configuration))
    # An application that is mounted leaves it to its host to say when the service is ready.
    service_manager = ServiceManager.of_environment() if configuration.drain_on_signals else ServiceManager()
    admin_routes = AdminRoutes(session, runs, schedules, service_manager)
    explain_busy = partial(explain_dispatch_error, busy_status=configuration.busy_status)
    run_table = run_routes.table()
    # Those that callers use most.
    direct_routes = [*kedro_routes.table(), *(route for route in run_table if route.path == "/runs")]
    routes: list[Route] = [
        *direct_routes,
        # Before the routes whose names of pipelines may end with anything.
        *typed_routes.table(),
        *description_routes.table(),
        *run_table,
        *(metrics_route.table() if metrics_route is not None else ()),
        *pipeline_routes.table(),
        *BatchingRoutes(session, runs).table(),
        *DatasetRoutes(session).table(),
        *ScheduleRoutes(schedules).table(),
        *admin_routes.table(),
        *NotificationRoutes(runs).table(),
        *(DashboardRoutes().table() if configuration.dashboard else ()),
        *(DocsRoutes().table() if configuration.docs else ()),
        *(VizRoutes(session, runs).table() if configuration.viz else ()),
    ]
    control = access_control(configuration.access, pipelines_of_run=partial(_pipelines_of_run, runs))
    return Starlette(
        routes=routes if control is None else control.protect(routes),
        lifespan=_lifespan(configuration, session, runs, schedules, admin_routes, metrics_route, shutdown),
        middleware=[
            *((Middleware(HttpMetricsMiddleware, metrics=http_metrics),) if configuration.metrics else ()),
            Middleware(with_request_facts, is_logged=configuration.log_format == "json"),
            *access_middleware(configuration.access),
            Middleware(ShutdownMiddleware, shutdown=shutdown),
            Middleware(DirectRoutes, routes=direct_routes),
        ],
        exception_handlers={
            **EXCEPTION_HANDLERS,
            AccessRefusedError: explain_refusal,
            DispatchError: explain_busy,
            InvalidQueryError: explain_query_error,
            ProjectError: explain_unreadable_project,
        },
    )


async def _pipelines_of_run(runs: Dispatcher, run_id: str) -> tuple[str, ...]:
    return (await runs.read(run_id)).pipeline_names


def _lifespan(
    configuration: ServerConfiguration,
    session: AsyncSession,
    runs: Dispatcher,
    schedules: ServedSchedules,
    admin_routes: AdminRoutes,
    metrics_route: MetricsRoute | None,
    shutdown: Shutdown,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if configuration.log_format == "json" and configuration.drain_on_signals:
            # This process is a server of its own: all that it writes is JSON.
            logging.captureWarnings(True)
        with shutdown.watching():
            with shutdown.until_begun() as opening:
                await _open(configuration, session, schedules)
            if opening.cancelled_caught:
                # The server was told to end while the project was read, which may never end.
                yield
                return
            _log.info("Kedro server started successfully")
            async with AsyncExitStack() as stack:
                try:
                    for part in (session, runs):
                        await stack.enter_async_context(part)
                except KedroAsgiError as error:
                    _raise_without_traceback(error)
                tasks = await stack.enter_async_context(anyio.create_task_group())
                schedules.open(tasks)
                if RELOAD_SIGNAL_VARIABLE in os.environ:
                    look = session.read_reloads
                    tasks.start_soon(partial(go_on, "read the project again", look, pause_seconds=_LOOK_SECONDS))
                if configuration.opens_first:
                    with shutdown.until_begun(timeout_seconds=_OPENING_SECONDS):
                        await admin_routes.open_project()
                tasks.start_soon(partial(_open_project, admin_routes, owns_process=configuration.drain_on_signals))
                if metrics_route is not None:
                    tasks.start_soon(metrics_route.publish_forever)
                yield
                tasks.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    # The drain at the end of the block would begin the grace again.
                    await shutdown.drained()
                    if metrics_route is not None:
                        await metrics_route.publish()
            if configuration.otel:
                with anyio.move_on_after(LAST_SECONDS, shield=True):
                    await run_in_daemon_thread(partial(Outcome.of, flush_spans))

    return lifespan


async def _open_project(admin_routes: AdminRoutes, *, owns_process: bool) -> None:
    await admin_routes.open_project()
    if owns_process:
        # From now on, the collector of garbage looks at what runs make, and no longer at modules and the project, which
        # stay. That is 4 to 6 % of a run, and no pause for the hundred thousands of objects of large libraries.
        gc.freeze()


async def _open(configuration: ServerConfiguration, session: AsyncSession, schedules: ServedSchedules) -> None:
    """Read the project and its schedules, and load the artifacts that it or the configuration names."""
    _log.info("Bootstrapping Kedro project at: %s", configuration.project_path)
    project = (await run_in_daemon_thread(partial(Outcome.of, partial(_read_project, configuration)))).value()
    if project.options.schedules:
        try:
            schedules.use(await schedules.read())
        except KedroAsgiError as error:
            _raise_without_traceback(error)
    if project.options.preload if configuration.preload is None else configuration.preload:
        _raise_without_traceback((await session.open()).error)


def _read_project(configuration: ServerConfiguration) -> "Project":
    # Imports what reads projects, in this thread.
    from kedro_asgi.project import load_project

    return load_project(configuration.project_path, package_name=configuration.package_name)


def _raise_without_traceback(error: BaseException | None) -> None:
    """Raise ``error``, if any; the message of our own errors is enough for an operator, without a traceback."""
    if error is not None:
        raise error.with_traceback(None) if isinstance(error, KedroAsgiError) else error
