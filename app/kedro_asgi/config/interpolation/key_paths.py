"""Paths into a configuration tree: taking them apart, following them, writing them down."""

import re
from typing import Any

from kedro_asgi.config.interpolation.evaluator import Path

ABSENT: Any = object()
"""There is nothing at a path."""

NO_CONTAINER: Any = object()
"""A path leads into a value that is neither a mapping nor a list."""

NO_INDEX: Any = object()
"""A path leads into a list, by something that is not a number."""

UNSET: Any = object()
"""There is ``???`` at a path: a value that still has to be given (CFG-20)."""

MISSING = "???"
_KEY = re.compile(r"\[(?P<bracketed>(?:\\.|[^\\\[\]])*)\]|(?P<plain>(?:\\.|[^.\[\\]|\\\Z)+)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\.\[\]:=])")
_INTEGER = re.compile(r"[-+]?[0-9]+")


def child(node: Any, key: Any) -> Any:
    """Return what is in ``node`` under ``key``, or one of the constants that say why there is nothing."""
    if isinstance(node, dict):
        found = node.get(key, ABSENT) if key in node or not isinstance(key, str) else _numbered(node, key)
    elif isinstance(node, list):
        found = _indexed(node, key)
    else:
        return UNSET if node is UNSET else NO_CONTAINER
    return UNSET if isinstance(found, str) and found == MISSING else found


def is_found(node: Any) -> bool:
    """Whether there is something at a path."""
    return not (node is ABSENT or node is NO_CONTAINER or node is NO_INDEX or node is UNSET)


def _indexed(node: list[Any], key: Any) -> Any:
    try:
        index = int(key)
    except ValueError:
        return NO_INDEX
    return node[index] if -len(node) <= index < len(node) else ABSENT


def _numbered(node: dict[Any, Any], key: str) -> Any:
    """A key written as digits also finds a number."""
    return node.get(int(key), ABSENT) if _INTEGER.fullmatch(key) else ABSENT


def parse_path(text: str) -> tuple[int, tuple[str, ...]]:
    """Return the number of leading dots and the keys of ``a.b[0]`` or ``.a``; a backslash keeps ``.:=[]`` in a key."""
    rest = text.lstrip(".")
    keys = tuple([found["plain"] or found["bracketed"] for found in _KEY.finditer(rest)])
    if "\\" in rest:
        keys = tuple(_ESCAPED.sub(r"\1", key) for key in keys)
    return len(text) - len(rest), keys


def write_path(path: Path) -> str:
    """Return ``path`` as in ``a.b[0]``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")
