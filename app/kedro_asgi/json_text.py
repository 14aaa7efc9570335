"""JSON with halves of surrogate pairs, which are text in Python and which msgspec refuses."""

import json
from contextlib import suppress
from typing import TypeVar

import msgspec

_T = TypeVar("_T")


def dump_json(value: object, *, indent: int = 0) -> bytes:
    """Return a value of Python's own types as JSON; text that is not valid Unicode is escaped."""
    return json.dumps(value, indent=indent or None, separators=None if indent else (",", ":")).encode()


def decode_json(content: bytes | str | msgspec.Raw, decoder: msgspec.json.Decoder[_T]) -> _T:
    """Return the value of JSON, also with the escaped half of a surrogate pair; raises ``msgspec.DecodeError``."""
    try:
        return decoder.decode(content)
    except msgspec.DecodeError:
        with suppress(json.JSONDecodeError):
            text = bytes(memoryview(content)) if isinstance(content, msgspec.Raw) else content
            value: _T = msgspec.convert(json.loads(text), decoder.type)
            return value
        raise
