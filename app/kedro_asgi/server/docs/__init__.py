"""The page that shows the OpenAPI document: Swagger UI, with its files from the package."""

from kedro_asgi.server.docs.routes import docs_routes as docs_routes
