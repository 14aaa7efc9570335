"""`SharedMemoryDataset`, under the name of the module that it has in Kedro."""

from kedro_asgi.io.shared import SharedMemoryDataset as SharedMemoryDataset
