"""Whether a run has the same outputs alone as it has in a batch."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from kedro_asgi.encoding import decode_json
from kedro_asgi.tables import as_plain

_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

# Sums of floats depend on how many rows a library computes at a time.
_RELATIVE, _ABSOLUTE = 1e-5, 1e-8


def are_alike(outputs: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Tell whether outputs are the same, but for the last digits of numbers; may raise anything for odd values."""
    return outputs.keys() == others.keys() and all(
        _are_alike(_plain(value), _plain(others[name])) for name, value in outputs.items()
    )


def _plain(value: Any) -> Any:
    return decode_json(bytes(memoryview(value)), _ANY) if isinstance(value, msgspec.Raw) else as_plain(value)


def _are_alike(value: Any, other: Any) -> bool:
    match value, other:
        case dict(), dict():
            return value.keys() == other.keys() and all(_are_alike(part, other[key]) for key, part in value.items())
        case list(), list():
            return len(value) == len(other) and all(map(_are_alike, value, other))
        case (float(), int() | float()) | (int(), float()):
            # An integer may be too large for a float.
            return value == other or math.isclose(value, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return bool(value == other)
