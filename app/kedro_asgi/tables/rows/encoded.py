"""Rows of tables that are JSON already; they are cut, and not decoded."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from kedro_asgi.json_text import decode_json, dump_json
from kedro_asgi.tables.rows.plain import split_plain

_ROWS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[msgspec.Raw])
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_COLUMNS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dict[str, list[msgspec.Raw]])


def split_encoded(content: msgspec.Raw, counts: Sequence[int]) -> list[msgspec.Raw] | None:
    """Return JSON in parts of ``counts`` rows each; ``None`` if no list or mapping of columns has that length."""
    for decoder in (_ROWS, _COLUMNS):
        with suppress(msgspec.DecodeError):
            return _encoded(split_plain(decoder.decode(content), counts))
    with suppress(msgspec.DecodeError):
        value = decode_json(content, _ANY)
        parts = split_plain(value, counts) if isinstance(value, list | dict) else None
        return None if parts is None else [msgspec.Raw(dump_json(part)) for part in parts]
    return None


def _encoded(parts: list[Any] | None) -> list[msgspec.Raw] | None:
    return None if parts is None else [msgspec.Raw(msgspec.json.encode(part)) for part in parts]
