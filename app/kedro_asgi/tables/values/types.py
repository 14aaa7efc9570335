"""Whether values of a type can have a JSON form, as far as the type alone can tell."""

import dataclasses
import datetime
import enum
import inspect
import types
from collections import UserString
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from decimal import Decimal
from os import PathLike
from typing import Any, Never, NoReturn, Union, get_args, get_origin
from uuid import UUID

_KNOWN = (
    *(str, int, float, bytes, bytearray, memoryview, type(None), types.SimpleNamespace, UserString, PathLike),
    *(Mapping, Sequence, AbstractSet, KeysView, ValuesView, enum.Enum, UUID, Decimal),
    *(datetime.date, datetime.time, datetime.timedelta),
)
_LIBRARIES = frozenset({"fractions", "pandas", "numpy", "polars", "pyarrow", "plotly", "matplotlib", "PIL", "pydantic"})
_NEVER = (Never, NoReturn, Callable, Iterator)
_ANYTHING: tuple[object, ...] = (Any, object, type(None))
_UNIONS = (Union, types.UnionType)
_BY_ITEM = (list, tuple, set, frozenset, dict, Mapping, Sequence, AbstractSet)


def never_has_plain_form(annotation: object, *, own_package: str = "") -> bool:
    """Tell whether no value that ``annotation`` allows has a JSON form, whatever it is.

    Only classes of libraries can tell. A class in ``own_package`` may have subclasses of any kind, and so may an
    abstract class.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in _UNIONS:
        return all(never_has_plain_form(part, own_package=own_package) for part in arguments)
    if origin in _BY_ITEM:
        return any(never_has_plain_form(part, own_package=own_package) for part in arguments)
    if origin in _NEVER or annotation in _NEVER:
        return True
    kind: Any = annotation
    # A generic class, and `Any`, which is a class of Python's, may stand for a value of any kind.
    if origin is not None or not isinstance(kind, type) or kind in _ANYTHING:
        return False
    if kind.__module__.partition(".")[0] == own_package:
        return False
    return not (inspect.isabstract(kind) or getattr(kind, "_is_protocol", False) or _can_have(kind))


def _can_have(kind: type) -> bool:
    if issubclass(kind, _KNOWN) or dataclasses.is_dataclass(kind):
        return True
    is_struct = hasattr(kind, "__struct_fields__") or hasattr(kind, "__attrs_attrs__")
    return is_struct or any(base.__module__.partition(".")[0] in _LIBRARIES for base in kind.__mro__)
