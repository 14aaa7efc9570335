"""Keys of mappings that are different in Python and the same text in JSON, so that a value would be lost."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from kedro_asgi.errors import TableError
from kedro_asgi.tables.values.standard import parts_of, plain_of_standard

_T = TypeVar("_T")
_WITHOUT_PARTS = frozenset({str, int, float, bool, type(None), bytes, date, datetime, time, timedelta, Decimal, UUID})
# Keys of one of these types are different texts if they are different keys.
_DISTINCT: tuple[set[type], ...] = (set(), {str}, {int})


def with_distinct_keys(value: _T) -> _T:
    """Return ``value`` itself; raises `TableError` for a mapping in it whose keys are the same text in JSON.

    Looks into what msgspec encodes by itself; the caller checks what it makes of other values.
    """
    parts: Iterable[Any] | None = parts_of(value)
    if isinstance(parts, Mapping):
        _check(parts)
        parts = parts.values()
    if parts is not None and not _WITHOUT_PARTS.issuperset(map(type, parts)):
        for part in parts:
            if type(part) not in _WITHOUT_PARTS:
                with_distinct_keys(part)
    return value


def _check(mapping: Mapping[Any, Any]) -> None:
    if {*map(type, mapping)} in _DISTINCT:
        return
    known: dict[str, Any] = {}
    for key in mapping:
        text = key if type(key) is str else _text(key)
        if text in known:
            raise TableError(f"its keys {known[text]!r} and {key!r} are the same text in JSON")
        known[text] = key


def _text(key: Any) -> str:
    """Return ``key`` as it is written in JSON; a key of a library is compared as Python's text of it."""

    def plain(value: Any) -> Any:
        found = plain_of_standard(value)
        return str(value) if found is msgspec.UNSET else found

    text: str = next(iter(msgspec.json.decode(msgspec.json.encode({key: None}, enc_hook=plain))))
    return text
