"""Values that can be read only once, so that runs cannot share them."""

import dataclasses
import inspect
import io
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any

from kedro_asgi.io.copying import IMMUTABLE_TYPES

# Iterators and cursors move on with each read, whatever library they are of.
_CONSUMING = ("__next__", "__anext__", "fetchone", "next_batches", "read_next_batch")
_DEEPEST = 20


def find_one_shot(value: object) -> object | None:
    """Return the first part of ``value`` that can be read only once: an iterator, a reader, a cursor, an open file.

    Looks into mappings, collections and dataclasses, and into no other object.
    """
    return _find([value], set(), 0)


def close_quietly(value: object) -> None:
    """Close an open file or a generator that nobody will read."""
    close = getattr(value, "close", None)
    if callable(close):
        with suppress(Exception):  # readers of a project may raise anything
            close()


def _find(values: Iterable[object], seen: set[int], depth: int) -> object | None:
    # Immutable values are left out first, since a table of plain values may have millions.
    for value in (value for value in values if type(value) not in IMMUTABLE_TYPES):
        if id(value) in seen or depth > _DEEPEST:
            continue
        seen.add(id(value))
        if _is_one_shot(value):
            return value
        if (found := _find(_parts(value), seen, depth + 1)) is not None:
            return found
    return None


def _is_one_shot(value: Any) -> bool:
    kind = type(value)
    if any(hasattr(kind, verb) for verb in _CONSUMING) or inspect.iscoroutine(value):
        return True
    is_file = isinstance(value, io.IOBase) or (hasattr(kind, "read") and hasattr(kind, "close"))
    # A temporary file of the standard library is a wrapper around the file.
    return is_file or isinstance(inspect.getattr_static(value, "file", None), io.IOBase)


def _parts(value: Any) -> Iterable[object]:
    match value:
        case Mapping():
            return value.values()
        case list() | tuple() | AbstractSet():
            return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    return ()
