"""Data in a YAML file."""

from collections.abc import Mapping
from typing import Any, ClassVar

import yaml

from kedro_asgi.io.files.base import FileDataset


class YAMLDataset(FileDataset):
    """Plain data, never objects of Python classes; ``save_args`` go to ``yaml.safe_dump``."""

    _default_save_args: ClassVar[Mapping[str, object]] = {"default_flow_style": False}

    def _decode(self, content: bytes) -> Any:
        return yaml.safe_load(content.decode(self._load_encoding), **self._load_args)

    def _encode(self, data: object) -> bytes:
        return str(yaml.safe_dump(data, **self._save_args)).encode(self._save_encoding)
