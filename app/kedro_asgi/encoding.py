"""Python values as JSON: what runs hand out, and every answer."""

import json
import math
from typing import Any

import msgspec

from kedro_asgi.errors import UnencodableOutputError
from kedro_asgi.tables import Records, plain_value, whole_value


def encode_json(value: Any) -> bytes:
    """Return ``value`` as compact JSON; text that is not valid Unicode is escaped instead of refused."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return json.dumps(_finite(msgspec.to_builtins(value, enc_hook=whole_value)), separators=(",", ":")).encode()


def encode_output(name: str, value: Any) -> msgspec.Raw:
    """Return dataset ``name``'s value as JSON: a frame as a list of records, missing values and NaN as null.

    Raises `UnencodableOutputError`, which names the dataset.
    """
    try:
        return msgspec.Raw(encode_json(value))
    except RecursionError:
        raise UnencodableOutputError(name, "it contains itself, or is nested too deeply") from None
    except (TypeError, ValueError, NotImplementedError, OverflowError) as error:
        raise UnencodableOutputError(name, str(error)) from error


def _plain(value: Any) -> Any:
    """Turn a value that JSON does not know into one that it does; called by the encoder for the others only."""
    plain = plain_value(value)
    return _joined(plain) if isinstance(plain, Records) else plain


def _joined(records: Records) -> msgspec.Raw:
    """Encode batch by batch: the rows of a large table are never all there as Python objects."""
    content = bytearray(b"[")
    for batch in records.batches:
        content += _ENCODER.encode(batch)[1:-1]
        content += b","
    content[1 if len(content) == 1 else -1 :] = b"]"
    return msgspec.Raw(bytes(content))


def _finite(tree: Any) -> Any:
    """The standard library would write NaN and Infinity, which are no JSON."""
    if isinstance(tree, dict):
        return {key: _finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
