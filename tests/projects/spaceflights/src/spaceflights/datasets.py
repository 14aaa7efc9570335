"""Datasets of this project's own."""

import hashlib
import hmac
import json
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet
from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError, Version


class ParquetColumnsDataset(AbstractDataset[None, dict[str, str]]):
    """The columns of a Parquet file with their types, without the data."""

    def __init__(self, filepath: str) -> None:
        self._filepath = filepath

    def load(self) -> dict[str, str]:
        return {field.name: str(field.type) for field in pyarrow.parquet.read_schema(self._filepath)}

    def save(self, data: None) -> None:
        raise DatasetError("Columns are written with their data.")

    def _exists(self) -> bool:
        return Path(self._filepath).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


class SignedJSONDataset(AbstractVersionedDataset[dict[str, Any], dict[str, Any]]):
    """JSON with a seal that shows whether somebody else wrote it; the key is a credential."""

    def __init__(self, filepath: str, credentials: dict[str, str], version: Version | None = None) -> None:
        super().__init__(filepath=PurePosixPath(filepath), version=version)
        self._key = credentials["key"].encode()

    def load(self) -> dict[str, Any]:
        signed = json.loads(Path(self._get_load_path()).read_text(encoding="utf-8"))
        if not hmac.compare_digest(signed["seal"], self._seal(signed["content"])):
            raise DatasetError("The seal is broken.")
        return signed["content"]

    def save(self, data: dict[str, Any]) -> None:
        path = Path(self._get_save_path())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"content": data, "seal": self._seal(data)}, indent=2), encoding="utf-8")

    def _seal(self, content: dict[str, Any]) -> str:
        return hmac.new(self._key, json.dumps(content, sort_keys=True).encode(), hashlib.sha256).hexdigest()

    def _exists(self) -> bool:
        return Path(self._get_load_path()).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}
