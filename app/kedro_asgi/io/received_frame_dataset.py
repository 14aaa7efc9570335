"""A frame whose columns are the bytes of a caller's request."""

import sys
from typing import Any

from kedro_asgi.io.memory_dataset import MemoryDataset

# From this version on, pandas copies a column when it is changed.
_COPIES_ON_WRITE = 3


class ReceivedFrameDataset(MemoryDataset):
    """Keeps such a frame as long as nodes need it; a load shares its columns where the library lets nobody change them.

    A frame of pandas copies a column that a node changes. Versions of pandas that do not, get a copy of the whole.
    """

    def _copy_data(self, data: Any) -> Any:
        pandas: Any = sys.modules.get("pandas")
        is_shared = pandas is not None and type(data) is pandas.DataFrame and _copies_on_write(pandas)
        return data.copy(deep=False) if is_shared else super()._copy_data(data)


def _copies_on_write(pandas: Any) -> bool:
    return int(pandas.__version__.partition(".")[0]) >= _COPIES_ON_WRITE
