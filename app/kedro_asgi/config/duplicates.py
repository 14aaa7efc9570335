"""Refusing keys that two files of one environment define (CFG-22)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from kedro_asgi.errors import DuplicateKeysError

_MAX_LISTED = 100


def refuse_duplicates(trees: Sequence[tuple[str, Mapping[Any, object]]], *, by_leaf: bool) -> None:
    """Raise `DuplicateKeysError` if two files define the same key: a leaf path, or else a top-level key.

    A leaf also clashes with a path below it. Two files may define a key that starts with ``_``.
    """
    keys_by_file = [(file, _leaves(tree) if by_leaf else map(str, tree)) for file, tree in trees]
    known = [(file, {key for key in keys if not key.startswith("_")}) for file, keys in keys_by_file]
    problems = [
        f"Duplicate keys found in {first} and {second}: {_listed(clashes)}"
        for (first, keys), (second, others) in combinations(known, 2)
        if (clashes := _clashes(keys, others))
    ]
    if problems:
        raise DuplicateKeysError("\n".join(problems))


def _leaves(tree: Mapping[Any, object], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _clashes(keys: set[str], others: set[str]) -> set[str]:
    return (keys & others) | (keys & _parents(others)) | (others & _parents(keys))


def _parents(keys: Iterable[str]) -> set[str]:
    """The paths that lead to ``keys``."""
    parents: set[str] = set()
    for key in keys:
        while "." in key:
            key = key.rpartition(".")[0]
            parents.add(key)
    return parents


def _listed(keys: Iterable[str]) -> str:
    text = ", ".join(sorted(keys))
    # The dots come beside the characters that are kept (CFG-25).
    return text if len(text) <= _MAX_LISTED else f"{text[:_MAX_LISTED]}..."
