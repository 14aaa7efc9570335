"""Whether a run has the same outputs alone as it has in a batch."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from kedro_asgi.tables import as_plain

# Sums of floats depend on how many rows a library computes at a time.
_RELATIVE, _ABSOLUTE = 1e-5, 1e-8


def are_alike(outputs: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Tell whether outputs are the same, but for the last digits of numbers."""
    return outputs.keys() == others.keys() and all(
        _are_alike(_plain(value), _plain(others[name])) for name, value in outputs.items()
    )


def _plain(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else as_plain(value)


def _are_alike(value: Any, other: Any) -> bool:
    match value, other:
        case dict(), dict():
            return value.keys() == other.keys() and all(_are_alike(part, other[key]) for key, part in value.items())
        case list(), list():
            return len(value) == len(other) and all(map(_are_alike, value, other))
        case (int() | float(), int() | float()):
            return math.isclose(value, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return bool(value == other)
