"""Stores for the record of a `KedroSession`."""

import logging
from collections import UserDict
from pathlib import Path
from typing import Any

import msgspec

from kedro_asgi.atomic_file import write_atomically
from kedro_asgi.encoding import decode_json, encode_json

_log = logging.getLogger(__name__)
_RECORD = msgspec.json.Decoder(dict[str, Any])


class BaseSessionStore(UserDict[str, Any]):
    """A session's record as a mapping; this base keeps it in memory only.

    ``path`` is the folder for all sessions of a project. `read` is called once, when the store is made. The debug log
    names a class that defines no `read` or no `save`.
    """

    def __init__(self, path: str | Path, session_id: str) -> None:
        self._path = path
        self._session_id = session_id
        super().__init__(self.read())

    def read(self) -> dict[str, Any]:
        """Return what an earlier session of the same id saved."""
        _log.debug("'read()' not implemented for '%s'. Assuming empty store.", type(self).__name__)
        return {}

    def save(self) -> None:
        """Persist the record."""
        _log.debug("'save()' not implemented for '%s'. Skipping the step.", type(self).__name__)


class JSONSessionStore(BaseSessionStore):
    """Keeps the record in ``<path>/<session_id>.json``, which is written whole or not at all.

    Paths and other objects that JSON does not know are written as text.
    """

    @property
    def file(self) -> Path:
        """The file that holds the record."""
        return Path(self._path) / f"{self._session_id}.json"

    def read(self) -> dict[str, Any]:
        if not self.file.is_file():
            return {}
        return decode_json(self.file.read_bytes(), _RECORD)

    def save(self) -> None:
        content = encode_json(self.data, fallback=str, indent=2)
        # The record may hold parameters that are confidential.
        write_atomically(self.file, content, mode=0o600)
