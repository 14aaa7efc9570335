"""The catalogs, under the name of the module that they have in Kedro."""

from kedro_asgi.io.catalog import DataCatalog as DataCatalog
from kedro_asgi.io.shared import SharedMemoryDataCatalog as SharedMemoryDataCatalog
