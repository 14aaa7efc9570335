"""Values, files and errors as JSON that is equal on both engines where they mean the same."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CLASS_PATH = re.compile(r"\b(?:kedro|kedro_asgi|kedro_datasets|omegaconf)(?:\.\w+)*\.([A-Z]\w+)")
_RUN_ID = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z(-[0-9a-f]{14})?")
_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


class Encoder:
    """Encodes the outcome of a case in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def text(self, text: str) -> str:
        """Return ``text`` without paths, ids, addresses and module names, which differ between runs and engines."""
        text = text.replace(self._folder, "<D>")
        text = _RUN_ID.sub("<RUN_ID>", text)
        text = _UUID.sub("<UUID>", text)
        text = re.sub(r" at 0x[0-9a-f]+", " at 0x", text)
        return _CLASS_PATH.sub(r"\1", text)

    def value(self, value: Any) -> Any:
        """Return ``value`` as JSON that keeps Python's distinctions: 1 and 1.0, a list and a tuple."""
        match value:
            case None | bool() | int():
                return value
            case str():
                return self.text(value)
            case float():
                return {"float": repr(value)}
            case list():
                return [self.value(item) for item in value]
            case tuple():
                return {"tuple": [self.value(item) for item in value]}
            case set() | frozenset():
                return {"set": sorted((self.value(item) for item in value), key=json.dumps)}
            case Mapping():
                return self._mapping(value)
            case type():
                return {"class": self.text(f"{value.__module__}.{value.__qualname__}")}
            case Path():
                return {"path": self.text(str(value))}
            case _ if hasattr(value, "to_csv"):
                return {"frame": value.to_csv(index=False)}
        return {"object": self.text(repr(value))}

    def files(self, before: Mapping[str, bytes]) -> dict[str, Any]:
        """Return the content of each file that changed since ``before``; ``None`` for a deleted file."""
        after = tree(Path(self._folder))
        changed = {path: self._content(data) for path, data in after.items() if before.get(path) != data}
        gone = {path: None for path in before if path not in after}
        return {self.text(path): content for path, content in sorted((changed | gone).items())}

    def _mapping(self, value: Mapping[Any, Any]) -> Any:
        if all(isinstance(key, str) for key in value):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return {"mapping": [[self.value(key), self.value(item)] for key, item in value.items()]}

    def _content(self, data: bytes) -> str:
        try:
            return self.text(data.decode())
        except UnicodeDecodeError:
            return f"sha256:{hashlib.sha256(data).hexdigest()}"


def tree(folder: Path) -> dict[str, bytes]:
    """Return the files of ``folder`` by relative path, without bytecode and our store of runs."""
    others = {"__pycache__", ".kedro-asgi"}
    files = (path for path in folder.rglob("*") if not others.intersection(path.parts) and path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
