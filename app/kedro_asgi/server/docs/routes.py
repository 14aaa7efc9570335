"""The routes of the page that shows the OpenAPI document."""

from kedro_asgi.server.page_routes import PageRoutes, page_policy


def docs_routes() -> PageRoutes:
    """Return ``GET /docs/…``: a page that shows ``/openapi.json`` and asks no other host for anything."""
    return PageRoutes("kedro_asgi.server.docs", "docs", policy=page_policy(images="data:"))
