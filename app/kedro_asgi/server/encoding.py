"""Python values as JSON: what runs hand out, and every answer."""

import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from kedro_asgi.errors import UnencodableOutputError


def encode_json(value: Any) -> bytes:
    """Return ``value`` as compact JSON; text that is not valid Unicode is escaped instead of refused."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()


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
    for library, convert in _LIBRARIES.items():
        # Whoever made a value of a library has imported it; importing it here would only cost time.
        if (module := sys.modules.get(library)) is not None:
            plain = convert(module, value)
            if plain is not _UNKNOWN:
                return plain
    kind = type(value)
    raise TypeError(f"objects of type '{kind.__module__}.{kind.__qualname__}' have no JSON form")


_UNKNOWN = object()


def _from_pandas(pandas: Any, value: Any) -> Any:
    match value:
        case pandas.DataFrame():
            return value.astype(object).where(value.notna(), None).to_dict("records")
        case pandas.Series() | pandas.Index():
            return value.astype(object).where(value.notna(), None).tolist()
        case pandas.Timestamp():
            return value.isoformat()
        case pandas.Timedelta() | pandas.Period() | pandas.Interval():
            return str(value)
    return None if value is pandas.NA or value is pandas.NaT else _UNKNOWN


def _from_numpy(numpy: Any, value: Any) -> Any:
    match value:
        case numpy.datetime64() | numpy.timedelta64():
            return None if numpy.isnat(value) else str(value)
        case numpy.generic():
            return value.item()
        case numpy.ndarray():
            return value.tolist() if value.dtype.kind not in "mM" else [*value]
    return _UNKNOWN


_LIBRARIES: dict[str, Callable[[Any, Any], Any]] = {"pandas": _from_pandas, "numpy": _from_numpy}
_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
