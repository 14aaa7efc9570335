"""Python values as JSON: outputs of runs, answers, and what stores and session records hold."""

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain
from typing import Any

import msgspec

from kedro_asgi.errors import UnencodableOutputError
from kedro_asgi.json_text import decode_json as decode_json
from kedro_asgi.json_text import dump_json
from kedro_asgi.tables import Records, parts_of, plain_value, whole_value, with_distinct_keys

# Values without keys and without parts.
_SCALARS = frozenset({str, int, float, bool, type(None)})
_LONGEST_PATH = 500


def _plain(value: object) -> object:
    """Turn a value that JSON does not know into one that it does; the encoder calls this for no other value."""
    plain = plain_value(value)
    return _joined(plain) if isinstance(plain, Records) else plain


def encode_json(value: object, *, fallback: Callable[[Any], object] | None = _plain, indent: int = 0) -> bytes:
    """Return ``value`` as JSON, compact without ``indent``; text that is not valid Unicode is escaped, not refused.

    ``fallback`` turns a value that JSON does not know into one that it does: by default a frame, an array or a scalar
    of a library. With ``None`` such a value raises ``TypeError``.
    """
    try:
        content = msgspec.json.encode(value, enc_hook=fallback)
    except UnicodeEncodeError:
        # Records are a list here: the standard library does not know `msgspec.Raw`.
        builtins = _finite(msgspec.to_builtins(value, enc_hook=whole_value if fallback is _plain else fallback))
        return dump_json(builtins, indent=indent)
    return msgspec.json.format(content, indent=indent) if indent else content


def encode_output(name: str, value: object) -> msgspec.Raw:
    """Return dataset ``name``'s value as JSON: a frame as a list of records, missing values and NaN as null.

    Raises `UnencodableOutputError`, which names the dataset, the type and the place of what has no JSON form.
    """
    try:
        return msgspec.Raw(encode_json(value) if type(value) in _SCALARS else _encode_or_refuse(value))
    except TypeError as error:
        raise UnencodableOutputError(name, str(error)) from error.__cause__


def _encode_or_refuse(value: object) -> bytes:
    """Return ``value`` as JSON; raises ``TypeError`` with the place of what has no JSON form."""
    try:
        return encode_json(with_distinct_keys(value))
    except RecursionError:
        raise TypeError("it contains itself, or is nested too deeply") from None
    except Exception as error:  # a lazy frame is computed now, which may fail in any way
        raise TypeError(f"{error}{_place(value)}") from error


def _place(value: Any) -> str:
    """Return the place of the first part of ``value`` that has no JSON form, such as `` (at ['x'][0])``."""
    path = ""
    with suppress(Exception):  # the parts of a library's value are computed, which may fail again
        while len(path) < _LONGEST_PATH:
            key, value = next((key, part) for key, part in _parts(value) if not _is_encodable(part))
            path += f"[{key!r:.80}]"
    return f" (at {path})" if path else ""


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    if parts_of(value) is not None:
        return _parts_in_json(value)
    plain = plain_value(value)
    return enumerate(chain.from_iterable(plain.batches)) if isinstance(plain, Records) else _parts_in_json(plain)


def _parts_in_json(value: Any) -> Iterable[tuple[Any, Any]]:
    parts = parts_of(value)
    return parts.items() if isinstance(parts, dict) else enumerate(parts or ())


def _is_encodable(value: Any) -> bool:
    try:
        encode_json(with_distinct_keys(value))
    except Exception:
        return False
    return True


def encode_exactly(value: object) -> bytes:
    """Return ``value`` as JSON; raises ``ValueError`` for a part that JSON would change silently.

    That is NaN or an infinity outside of a table, where it is no missing value. Raises ``TypeError`` for a part without
    a JSON form, and for keys that are the same text.
    """
    content = _encode_or_refuse(value)
    if b"null" in content:
        _check_finite(value, "")
    return content


def _check_finite(value: Any, path: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        place = f" (at {path})" if path else ""
        raise ValueError(f"{float(value)} is no JSON; None stands for a missing value{place}")
    for key, part in _parts_in_json(value):
        _check_finite(part, f"{path}[{key!r:.80}]")


def escape_surrogates(text: str) -> str:
    r"""Return ``text`` with each half of a surrogate pair, which is not valid Unicode, written as ``\udxxx``."""
    return text.encode(errors="backslashreplace").decode()


def is_unicode(text: str) -> bool:
    """Whether ``text`` holds no half of a surrogate pair, which no URL could hold."""
    return escape_surrogates(text) == text


def _joined(records: Records) -> msgspec.Raw:
    """Encode batch by batch, so that the rows of a large table never exist all at once as Python objects."""
    content = bytearray(b"[")
    for batch in records.batches:
        content += msgspec.json.encode(batch, enc_hook=_plain)[1:-1]
        content += b","
    content[1 if len(content) == 1 else -1 :] = b"]"
    return msgspec.Raw(bytes(content))


def _finite(tree: object) -> object:
    """Replace NaN and infinities by ``None``: the standard library would write words that are not JSON."""
    if isinstance(tree, dict):
        return {key: _finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree
