"""Structs as JSON, for the store and for readers."""

import json
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """Return ``value`` as JSON; text that is not valid Unicode is escaped instead of refused."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()


def spliced(event: bytes, sequence: int) -> bytes:
    """Return an event's JSON object with its number put in front."""
    return b'{"sequence":%d,' % sequence + event[1:]
