"""Rows of tables that are JSON already; they are cut, and not decoded."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from kedro_asgi.tables.rows.plain import split_plain

_ROWS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[msgspec.Raw])
_COLUMNS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dict[str, list[msgspec.Raw]])


def split_encoded(content: msgspec.Raw, counts: Sequence[int]) -> list[msgspec.Raw] | None:
    """Return JSON in parts of ``counts`` rows each; ``None`` if no list or mapping of columns has that length."""
    for decoder in (_ROWS, _COLUMNS):
        with suppress(msgspec.DecodeError):
            return _encoded(split_plain(decoder.decode(content), counts))
    with suppress(json.JSONDecodeError):
        # msgspec refuses the escaped half of a surrogate pair, which is text in Python.
        value = json.loads(bytes(memoryview(content)))
        parts = split_plain(value, counts) if isinstance(value, list | dict) else None
        return (
            None if parts is None else [msgspec.Raw(json.dumps(part, separators=(",", ":")).encode()) for part in parts]
        )
    return None


def _encoded(parts: list[Any] | None) -> list[msgspec.Raw] | None:
    return None if parts is None else [msgspec.Raw(msgspec.json.encode(part)) for part in parts]
