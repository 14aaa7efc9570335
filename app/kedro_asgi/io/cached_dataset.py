"""`CachedDataset`, under the name of the module that it has in Kedro."""

from kedro_asgi.io.cached import CachedDataset as CachedDataset
