"""Values of the standard library that JSON does not know, and subclasses of those that it knows."""

import array
import dataclasses
import ipaddress
import os
import sys
from collections import UserString
from collections.abc import Iterator, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from types import SimpleNamespace
from typing import Any

from msgspec import UNSET

_ADDRESSES = (
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
)


def plain_of_standard(value: Any) -> Any:
    """Return the plain form of ``value``: text, a number, an object or a list; UNSET for other values.

    Raises ``TypeError`` for an iterator: to read it would use it up.
    """
    match value:
        case bool() | None:
            # These reach this function only as keys of a mapping.
            return {True: "true", False: "false", None: "null"}[value]
        case str():
            return str.__str__(value)
        case int():
            return int.__int__(value)
        case float():
            return float.__float__(value)
        case os.PathLike():
            return os.fsdecode(value)
        case UserString():
            return str(value)
        case SimpleNamespace():
            return vars(value)
    return str(value) if isinstance(value, _ADDRESSES) or _is_fraction(value) else _plain_collection(value)


def _is_fraction(value: Any) -> bool:
    # Its module compiles expressions, and has been imported if there is a fraction.
    fractions = sys.modules.get("fractions")
    return fractions is not None and isinstance(value, fractions.Fraction)


def _plain_collection(value: Any) -> Any:
    match value:
        case Iterator():
            raise TypeError(f"a '{type(value).__name__}' can be read only once, so it has no JSON form")
        case tuple() | frozenset():
            # JSON knows these as values; they reach this function only as keys of a mapping.
            raise TypeError(f"a key of type '{type(value).__name__}' has no JSON form")
        case Mapping():
            return dict(value)
        case Sequence() | AbstractSet() | KeysView() | ValuesView() | array.array():
            return list(value)
    return UNSET


def parts_of(value: Any) -> dict[Any, Any] | list[Any] | None:
    """Return what JSON makes the parts of ``value`` of: by key or name, or in order; ``None`` if it has no parts."""
    match value:
        case dict():
            return value
        case list() | tuple() | set() | frozenset():
            return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    names = getattr(type(value), "__struct_fields__", None) or [
        attribute.name for attribute in getattr(type(value), "__attrs_attrs__", ())
    ]
    return {name: getattr(value, name, None) for name in names} if names else None
