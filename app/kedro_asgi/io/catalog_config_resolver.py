"""`CatalogConfigResolver`, under the name of the module that it has in Kedro."""

from kedro_asgi.io.resolver import CatalogConfigResolver as CatalogConfigResolver
