"""`MemoryDataset`, under the name of the module that it has in Kedro."""

from kedro_asgi.io.memory import MemoryDataset as MemoryDataset
