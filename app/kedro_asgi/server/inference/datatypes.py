"""The datatypes of the Open Inference Protocol: the values that they hold, in JSON and as bytes."""

import math
import struct
from collections.abc import Mapping
from types import MappingProxyType, NoneType
from typing import Any

from kedro_asgi.errors.wording import shortened
from kedro_asgi.inference_schemas import Datatype
from kedro_asgi.server.inference.errors import InferenceError

# As the module `struct` names them; without alignment, all have their native size.
_CODES: Mapping[Datatype, str] = MappingProxyType(
    {
        "BOOL": "?",
        "UINT8": "B",
        "UINT16": "H",
        "UINT32": "I",
        "UINT64": "Q",
        "INT8": "b",
        "INT16": "h",
        "INT32": "i",
        "INT64": "q",
        "FP16": "e",
        "FP32": "f",
        "FP64": "d",
    }
)
_LARGEST: Mapping[Datatype, float] = MappingProxyType(
    {"FP16": 65504.0, "FP32": 3.4028234663852886e38, "FP64": 1.7976931348623157e308}
)
_MAX_SHOWN = 50


def checked_values(name: str, datatype: Datatype, values: list[Any]) -> list[Any]:
    """Return the values of tensor ``name``, which came as JSON; numbers of a float's datatype become floats.

    ``None`` is a missing value of any datatype. Raises `InferenceError` for a value that the datatype does not hold.
    """
    allowed = _types_of(datatype)
    if not allowed.issuperset(map(type, values)):
        index, wrong = next((index, found) for index, found in enumerate(values) if type(found) not in allowed)
        raise InferenceError(f"Input '{name}': value {index} is {_shown(wrong)}, which is no {datatype}.")
    if datatype in ("BOOL", "BYTES"):
        return values
    lowest, highest = _range_of(datatype)
    out = next((found for found in values if found is not None and not lowest <= found <= highest), None)
    if out is not None:
        raise InferenceError(f"Input '{name}': {_shown(out)} is out of the range of {datatype}.")
    return [None if found is None else float(found) for found in values] if datatype in _LARGEST else values


def _types_of(datatype: Datatype) -> set[type]:
    if datatype in _LARGEST:
        return {int, float, NoneType}
    return {{"BOOL": bool, "BYTES": str}.get(datatype, int), NoneType}


def _range_of(datatype: Datatype) -> tuple[float, float]:
    if datatype in _LARGEST:
        return -_LARGEST[datatype], _LARGEST[datatype]
    bits = 8 * struct.calcsize(f"<{_CODES[datatype]}")
    return (0, 2**bits - 1) if datatype.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def unpacked_values(name: str, datatype: Datatype, count: int, data: memoryview) -> list[Any]:
    """Return the ``count`` values of tensor ``name`` from bytes; NaN is a missing value, and becomes ``None``.

    Raises `InferenceError` for bytes that hold another number of values, and for an infinity, which JSON does not have.
    """
    if datatype == "BYTES":
        return _texts(name, count, data)
    size = struct.calcsize(f"<{_CODES[datatype]}")
    if len(data) != count * size:
        needed = f"{count} values of {datatype} take {count * size}"
        raise InferenceError(f"Input '{name}' has {len(data)} bytes of binary data, but {needed}.")
    values = list(struct.unpack(f"<{count}{_CODES[datatype]}", data))
    if datatype not in _LARGEST or all(map(math.isfinite, values)):
        return values
    if any(map(math.isinf, values)):
        raise InferenceError(f"Input '{name}' has an infinite value, and runs take none; NaN is a missing value.")
    return [None if math.isnan(found) else found for found in values]


def _texts(name: str, count: int, data: memoryview) -> list[str]:
    """Return texts, each after its length in four bytes."""
    values: list[str] = []
    offset = 0
    while offset < len(data):
        end = offset + 4 + (struct.unpack_from("<I", data, offset)[0] if offset + 4 <= len(data) else len(data))
        if end > len(data):
            raise InferenceError(f"Input '{name}': its binary data ends within value {len(values)}.")
        try:
            values.append(str(data[offset + 4 : end], "utf-8"))
        except UnicodeDecodeError as error:
            hint = "send other bytes as base64"
            raise InferenceError(f"Input '{name}': value {len(values)} is no text in UTF-8; {hint}.") from error
        offset = end
    if len(values) != count:
        raise InferenceError(f"Input '{name}' has {len(values)} values of binary data, but its shape has {count}.")
    return values


def packed_values(datatype: Datatype, values: list[Any]) -> bytes:
    """Return values as bytes; a missing number becomes NaN."""
    if datatype == "BYTES":
        texts = [text.encode() for text in values]
        return b"".join(part for text in texts for part in (struct.pack("<I", len(text)), text))
    given = [math.nan if found is None else found for found in values] if datatype in _LARGEST else values
    return struct.pack(f"<{len(given)}{_CODES[datatype]}", *given)


def has_bytes(datatype: Datatype, values: list[Any]) -> bool:
    """Tell whether values can be sent as bytes: a missing text cannot, nor half of a surrogate pair."""
    if datatype in _LARGEST:
        return True
    return None not in values and (datatype != "BYTES" or not any(_is_half(text) for text in values))


def _is_half(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def datatype_of(values: list[Any]) -> Datatype | None:
    """Return the datatype of values from JSON; ``None`` where no datatype has them all.

    Missing values are numbers, or texts, that are missing.
    """
    kinds = set(map(type, values))
    has_missing = NoneType in kinds
    match sorted(kind.__name__ for kind in kinds - {NoneType}):
        case ["bool"] if not has_missing:
            return "BOOL"
        case ["int"] if not has_missing:
            return _whole_datatype(values)
        case [] | ["float"] | ["float", "int"] | ["int"]:
            return "FP64" if all(found is None or _is_float(found) for found in values) else None
        case ["str"]:
            return "BYTES"
    return None


def _is_float(value: float) -> bool:
    """Tell whether a float has the value of a number, so that it loses no digit as one."""
    return abs(value) <= _LARGEST["FP64"] and float(value) == value


def _whole_datatype(values: list[int]) -> Datatype | None:
    lowest, highest = min(values), max(values)
    for datatype in ("INT64", "UINT64"):
        first, last = _range_of(datatype)
        if first <= lowest and highest <= last:
            return datatype
    return None


def _shown(value: object) -> str:
    return shortened(repr(value), _MAX_SHOWN)
