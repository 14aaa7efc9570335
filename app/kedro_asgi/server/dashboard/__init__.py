"""The dashboard: pages for browsers, which speak the same HTTP API as any other client."""

from kedro_asgi.server.dashboard.routes import DashboardRoutes

__all__ = ["DashboardRoutes"]
