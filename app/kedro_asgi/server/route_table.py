"""The routes of a server."""

from collections.abc import Sequence

import msgspec
from starlette.routing import Route

from kedro_asgi.server.batching_routes import BatchingRoutes
from kedro_asgi.server.bodies import BodyReader
from kedro_asgi.server.dashboard import DashboardRoutes
from kedro_asgi.server.dataset_routes import DatasetRoutes
from kedro_asgi.server.description_routes import DescriptionRoutes
from kedro_asgi.server.docs import docs_routes
from kedro_asgi.server.inference_routes import InferenceRoutes
from kedro_asgi.server.kedro_routes import KedroRoutes
from kedro_asgi.server.mcp_route import McpRoute
from kedro_asgi.server.notification_routes import NotificationRoutes
from kedro_asgi.server.pipeline_routes import PipelineRoutes
from kedro_asgi.server.run_routes import RunRoutes
from kedro_asgi.server.schedule_routes import ScheduleRoutes
from kedro_asgi.server.server_parts import ServerParts
from kedro_asgi.server.typed_orders import TypedOrders
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.server.typed_routes import TypedRoutes
from kedro_asgi.server.viz_routes import VizRoutes


class RouteTable(msgspec.Struct, frozen=True, kw_only=True):
    """All routes in the order in which they are searched; ``direct`` are those that callers use most."""

    routes: Sequence[Route]
    direct: Sequence[Route]

    @classmethod
    def of(cls, parts: ServerParts) -> "RouteTable":
        """Return the routes of a server."""
        direct, of_runs = _run_routes(parts)
        return cls(routes=[*direct, *of_runs, *_other_routes(parts)], direct=direct)


def _run_routes(parts: ServerParts) -> tuple[list[Route], list[Route]]:
    """Return the routes that ask for runs or read them: those that callers use most, and the others."""
    configuration, session, runs = parts.configuration, parts.session, parts.runs
    bodies = BodyReader(
        parts.shutdown, max_bytes=configuration.max_body_bytes, timeout_seconds=configuration.body_timeout_seconds
    )
    typed_pipelines = TypedPipelines(session)
    kedro_routes = KedroRoutes(
        session,
        runs,
        bodies,
        typed_pipelines,
        cancel_on_hang_up=configuration.cancel_on_hang_up,
        failure_status=configuration.failure_status,
    )
    run_routes = RunRoutes(runs, bodies, kedro_routes.columnar)
    typed_orders = TypedOrders(session, bodies)
    typed_routes = TypedRoutes(typed_pipelines, typed_orders, bodies, kedro_routes=kedro_routes, run_routes=run_routes)
    run_table = run_routes.table()
    direct = [*kedro_routes.table(), *(route for route in run_table if route.path == "/runs")]
    # Those of single pipelines stand before the routes whose names of pipelines may end with anything.
    description_routes = DescriptionRoutes(session, typed_pipelines, configuration)
    of_runs = [*typed_routes.table(), *description_routes.table(), *run_table]
    if configuration.open_inference:
        ready = parts.admin_routes.ready
        inference = InferenceRoutes(
            session, typed_pipelines, typed_orders, bodies, kedro_routes=kedro_routes, ready=ready
        )
        of_runs += inference.table()
    if configuration.mcp:
        of_runs += McpRoute(session, runs, bodies, typed_pipelines, typed_orders).table()
    return direct, of_runs


def _other_routes(parts: ServerParts) -> list[Route]:
    configuration, session, runs = parts.configuration, parts.session, parts.runs
    return [
        *(parts.metrics_route.table() if parts.metrics_route is not None else ()),
        *PipelineRoutes(session, runs, has_dashboard=configuration.dashboard).table(),
        *BatchingRoutes(session, runs).table(),
        *DatasetRoutes(session).table(),
        *ScheduleRoutes(parts.schedules).table(),
        *parts.admin_routes.table(),
        *NotificationRoutes(runs).table(),
        *(DashboardRoutes().table() if configuration.dashboard else ()),
        *(docs_routes().table() if configuration.docs else ()),
        *(VizRoutes(session, runs).table() if configuration.viz else ()),
    ]
