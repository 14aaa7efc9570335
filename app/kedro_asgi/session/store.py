"""Where a `KedroSession` keeps its record."""

import json
import os
import tempfile
from collections import UserDict
from pathlib import Path
from typing import Any

import msgspec


class BaseSessionStore(UserDict[str, Any]):
    """A session's record as a mapping; this base keeps it in memory only (SES-15).

    ``path`` is the folder for all sessions of a project. `read` is called once, when the store is made.
    """

    def __init__(self, path: str | Path, session_id: str) -> None:
        self._path = Path(path)
        self._session_id = session_id
        super().__init__(self.read())

    def read(self) -> dict[str, Any]:
        """Return what an earlier session of the same id saved."""
        return {}

    def save(self) -> None:
        """Persist the record."""


class JSONSessionStore(BaseSessionStore):
    """Keeps the record in ``<path>/<session_id>.json``, written aside and swapped: whole or not at all.

    Paths and other objects that JSON does not know are written as text.
    """

    @property
    def file(self) -> Path:
        """The file that holds the record."""
        return self._path / f"{self._session_id}.json"

    def read(self) -> dict[str, Any]:
        if not self.file.is_file():
            return {}
        return msgspec.json.decode(self.file.read_bytes(), type=dict[str, Any])

    def save(self) -> None:
        content = _as_json(self.data)
        self._path.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=self._path, prefix=".", suffix=".json")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(aside, self.file)
        except BaseException:
            os.unlink(aside)
            raise


def _as_json(record: dict[str, Any]) -> bytes:
    """Text that is not valid Unicode, as an error may quote it, is escaped instead of refused."""
    try:
        return msgspec.json.format(msgspec.json.encode(record, enc_hook=str), indent=2)
    except UnicodeEncodeError:
        return json.dumps(record, default=str, indent=2).encode()
