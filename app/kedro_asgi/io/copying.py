"""Copy values, and walk through configuration trees: mappings, lists and tuples, with values at their leaves."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import date, datetime
from typing import Any

#: Types whose values cannot change, so that two runs may hold the same object.
IMMUTABLE_TYPES: frozenset[type] = frozenset({int, float, complex, str, bool, bytes, type(None), date, datetime})


def deep_copy(data: Any) -> Any:
    """Return a deep copy of ``data``; tens of times faster than ``copy.deepcopy`` for a list or dict of immutables."""
    are_immutable = IMMUTABLE_TYPES.issuperset
    if type(data) is list and are_immutable(map(type, data)):
        return data.copy()
    if type(data) is dict and are_immutable(map(type, data)) and are_immutable(map(type, data.values())):
        return data.copy()
    return deepcopy(data)


def copy_parameters(tree: Any) -> Any:
    """Return a deep copy of parameters, in a third of the time of ``copy.deepcopy``.

    No list or dict of a configuration occurs twice in it, so that there is no need to remember them.
    """
    if type(tree) is dict:
        return {key: value if type(value) in IMMUTABLE_TYPES else copy_parameters(value) for key, value in tree.items()}
    if type(tree) is list:
        return [value if type(value) in IMMUTABLE_TYPES else copy_parameters(value) for value in tree]
    return deepcopy(tree)


def copy_containers(tree: Any) -> Any:
    """Return ``tree``, which may come from Python code, with new dicts, lists and tuples; leaves are shared."""
    return tree if type(tree) in IMMUTABLE_TYPES else map_leaves(tree, _identity)


def map_leaves(tree: Any, change: Callable[[Any], object]) -> Any:
    """Return a copy of ``tree`` with ``change`` applied to its leaves; keys stay as they are."""
    if isinstance(tree, Mapping):
        return {key: map_leaves(value, change) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(map_leaves(value, change) for value in tree)
    return change(tree)


def iterate_leaves(tree: Any) -> Iterator[object]:
    """Yield the leaves of ``tree``, in order."""
    if isinstance(tree, Mapping):
        for value in tree.values():
            yield from iterate_leaves(value)
    elif type(tree) in (list, tuple):
        for value in tree:
            yield from iterate_leaves(value)
    else:
        yield tree


def _identity(leaf: object) -> object:
    return leaf
