"""Key paths into a configuration tree: parsing, following and formatting them."""

import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from kedro_asgi.config.interpolation.evaluator import KeyPath, Node


class NotFound(Enum):
    """Why there is no value at a path."""

    ABSENT = auto()
    NO_CONTAINER = auto()
    """The path leads into a value that is neither a mapping nor a list."""
    NO_INDEX = auto()
    """The path leads into a list, by a key that is no number."""
    UNSET = auto()
    """``???`` stands there: a value that must still be given."""


UNSET_TEXT: Final = "???"
_KEY = re.compile(r"\[(?P<bracketed>(?:\\.|[^\\\[\]])*)\]|(?P<plain>(?:\\.|[^.\[\\]|\\\Z)+)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\.\[\]:=])")
_INTEGER = re.compile(r"[-+]?[0-9]+")


def get_child(node: Node, key: bool | int | float | str) -> "Node | NotFound":
    """Return the value in ``node`` under ``key``."""
    if isinstance(node, dict):
        found = node.get(key, NotFound.ABSENT)
        if found is NotFound.ABSENT and isinstance(key, str) and _INTEGER.fullmatch(key):
            # A key written as digits also finds a number.
            found = node.get(int(key), NotFound.ABSENT)
    elif isinstance(node, list):
        found = _indexed(node, key)
    else:
        return NotFound.NO_CONTAINER
    return NotFound.UNSET if isinstance(found, str) and found == UNSET_TEXT else found


def _indexed(node: Sequence[Node], key: bool | int | float | str) -> "Node | NotFound":
    try:
        index = int(key)
    except ValueError:
        return NotFound.NO_INDEX
    return node[index] if -len(node) <= index < len(node) else NotFound.ABSENT


def parse_path(text: str) -> tuple[int, tuple[str, ...]]:
    """Return the number of leading dots and the keys of ``a.b[0]`` or ``.a``; a backslash keeps ``.:=[]`` in a key."""
    if text.isidentifier():
        return 0, (text,)
    rest = text.lstrip(".")
    keys = tuple([found["plain"] or found["bracketed"] for found in _KEY.finditer(rest)])
    if "\\" in rest:
        keys = tuple(_ESCAPED.sub(r"\1", key) for key in keys)
    return len(text) - len(rest), keys


def format_path(path: KeyPath) -> str:
    """Return ``path`` as in ``a.b[0]``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")
