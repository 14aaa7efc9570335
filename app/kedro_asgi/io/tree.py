"""Trees of configuration: mappings, lists and tuples, with values at their leaves."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import date, datetime
from typing import Any

#: Types whose values cannot change, so that a run may hold the very object that another run holds.
SCALARS: frozenset[type[Any]] = frozenset({int, float, complex, str, bool, bytes, type(None), date, datetime})


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """Return a copy of ``tree`` with ``change`` applied to its leaves; keys stay as they are."""
    if isinstance(tree, Mapping):
        return {key: mapped(value, change) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(mapped(value, change) for value in tree)
    return change(tree)


def copied(tree: Any) -> Any:
    """Return ``tree`` with mappings and lists of its own; what lies at the leaves is shared."""
    return tree if type(tree) in SCALARS else mapped(tree, _itself)


def deep_copy(data: Any) -> Any:
    """Return a deep copy; a list or dict of scalars is copied in one step, tens of times faster than ``deepcopy``."""
    if type(data) is list and SCALARS.issuperset(map(type, data)):
        return data.copy()
    if type(data) is dict and SCALARS.issuperset(map(type, data)) and SCALARS.issuperset(map(type, data.values())):
        return data.copy()
    return deepcopy(data)


def leaves(tree: Any) -> Iterator[Any]:
    """Yield the leaves of ``tree``, in order."""
    if isinstance(tree, Mapping):
        for value in tree.values():
            yield from leaves(value)
    elif type(tree) in (list, tuple):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


def _itself(leaf: Any) -> Any:
    return leaf
