"""Finding keys that two files of one environment define (CFG-22..25, Q-12)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from kedro_asgi.errors import DuplicateKeysError

_MAX_LISTED = 100


def refuse_duplicates(trees: Sequence[tuple[str, Mapping[Any, Any]]], *, by_leaf: bool) -> None:
    """Raise `DuplicateKeysError` if files repeat each other's keys: leaf paths, or else top-level keys.

    A leaf clashes with a path below it, too. Keys that start with ``_`` may be repeated.
    """
    keys_of: Callable[[Mapping[Any, Any]], Iterable[str]] = _leaves if by_leaf else _top
    known = [(file, {key for key in keys_of(tree) if not key.startswith("_")}) for file, tree in trees]
    problems = [
        f"Duplicate keys found in {first} and {second}: {_listed(clashes)}"
        for (first, keys), (second, others) in combinations(known, 2)
        if (clashes := _clashes(keys, others))
    ]
    if problems:
        raise DuplicateKeysError("\n".join(problems))


def _top(tree: Mapping[Any, Any]) -> Iterator[str]:
    return map(str, tree)


def _leaves(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _clashes(keys: set[str], others: set[str]) -> set[str]:
    return (keys & others) | (keys & _above(others)) | (others & _above(keys))


def _above(keys: Iterable[str]) -> set[str]:
    """The paths that lead to ``keys``."""
    above: set[str] = set()
    for key in keys:
        while "." in key:
            key = key.rpartition(".")[0]
            above.add(key)
    return above


def _listed(keys: Iterable[str]) -> str:
    text = ", ".join(sorted(keys))
    return text if len(text) <= _MAX_LISTED else f"{text[:_MAX_LISTED]}..."
