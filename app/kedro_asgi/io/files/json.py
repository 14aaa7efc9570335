"""Data in a JSON file."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from kedro_asgi.io.files.base import FileDataset


class JSONDataset(FileDataset):
    """Any value that JSON has; ``load_args`` go to ``json.loads``, ``save_args`` to ``json.dumps``."""

    _default_save_args: ClassVar[Mapping[str, object]] = {"indent": 2}

    def _decode(self, content: bytes) -> Any:
        return json.loads(content.decode(self._load_encoding), **self._load_args)

    def _encode(self, data: object) -> bytes:
        return json.dumps(data, **self._save_args).encode(self._save_encoding)
