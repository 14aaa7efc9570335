"""The parts of one server that its routes, its lifespan and its middleware share."""

from functools import partial
from typing import TYPE_CHECKING, Self

import msgspec

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.server.admin_routes import AdminRoutes
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.http_metrics import HttpMetrics
from kedro_asgi.server.metrics_route import MetricsRoute
from kedro_asgi.server.served_schedules import ServedSchedules
from kedro_asgi.server.shutdown import Shutdown
from kedro_asgi.server.systemd import ServiceManager
from kedro_asgi.server.worker_options import make_session, worker_options
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.project import Project


class ServerParts(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One of each for a server; ``metrics_route`` is ``None`` where metrics are off."""

    configuration: ServerConfiguration
    session: AsyncSession
    runs: Dispatcher
    shutdown: Shutdown
    schedules: ServedSchedules
    admin_routes: AdminRoutes
    http_metrics: HttpMetrics
    metrics_route: MetricsRoute | None

    @classmethod
    def of(cls, configuration: ServerConfiguration) -> Self:
        """Return the parts that a configuration describes; nothing is open yet."""
        session = make_session(configuration)
        runs = Dispatcher(session, **worker_options(configuration))
        http_metrics = HttpMetrics()
        folder = configuration.metrics_folder
        metrics_route = MetricsRoute(runs, http_metrics, folder) if configuration.metrics else None
        schedules = ServedSchedules(session, runs, partial(read_project, configuration))
        # An application that is mounted leaves it to its host to say when the service is ready.
        service_manager = ServiceManager.of_environment() if configuration.drain_on_signals else ServiceManager()
        return cls(
            configuration=configuration,
            session=session,
            runs=runs,
            shutdown=Shutdown(runs, delays_signals=configuration.drain_on_signals),
            schedules=schedules,
            admin_routes=AdminRoutes(session, runs, schedules, service_manager),
            http_metrics=http_metrics,
            metrics_route=metrics_route,
        )


def read_project(configuration: ServerConfiguration) -> "Project":
    """Read the project of a server, in a thread: this imports what reads projects."""
    from kedro_asgi.project import load_project

    return load_project(configuration.project_path, package_name=configuration.package_name)
