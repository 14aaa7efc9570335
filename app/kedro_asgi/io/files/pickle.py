"""Python objects in a pickle file."""

import pickle
from typing import Any

from kedro_asgi.errors import DatasetError
from kedro_asgi.io.files.base import FileDataset


class PickleDataset(FileDataset):
    """Any object that can be pickled. Loading runs code that the file names: load only files that you trust.

    ``load_args`` go to ``pickle.loads``, ``save_args`` to ``pickle.dumps``.
    """

    def __init__(self, *, backend: str = "pickle", **arguments: Any) -> None:
        if backend != "pickle":
            raise DatasetError(f"Pickle backend '{backend}' is not built in; kedro-datasets has it.")
        super().__init__(**arguments)

    def _decode(self, content: bytes) -> Any:
        return pickle.loads(content, **self._load_args)

    def _encode(self, data: object) -> bytes:
        return pickle.dumps(data, **self._save_args)
