"""Key paths into a configuration tree: parsing, following and formatting them."""

import re
from collections.abc import Sequence
from typing import Final, final

from kedro_asgi.config.interpolation.evaluator import KeyPath, Node
from kedro_asgi.errors import InterpolationKeyError, InterpolationResolutionError, InterpolationToMissingValueError


@final
class NotFound:
    """Why there is no value at a path: the kind of error, and its message with a gap for the path.

    A plain class, since the hot path checks values against it; the same check takes four times as long for an enum.
    """

    __slots__ = ("kind", "problem")

    def __init__(self, kind: type[InterpolationResolutionError], problem: str) -> None:
        self.kind = kind
        self.problem = problem


ABSENT: Final = NotFound(InterpolationKeyError, "Interpolation key '{}' not found")
UNSET: Final = NotFound(InterpolationToMissingValueError, "Missing mandatory value: {}")
NO_INDEX: Final = NotFound(InterpolationResolutionError, "'{}' cannot be found: an index into a list is not an int")
NO_CONTAINER: Final = NotFound(InterpolationResolutionError, "'{}' cannot be found: part of it is not a container")

UNSET_TEXT: Final = "???"
_KEY = re.compile(r"\[(?P<bracketed>(?:\\.|[^\\\[\]])*)\]|(?P<plain>(?:\\.|[^.\[\\]|\\\Z)+)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\.\[\]:=])")
_INTEGER = re.compile(r"[-+]?[0-9]+")


def get_child(node: Node, key: bool | int | float | str) -> "Node | NotFound":
    """Return the value in ``node`` under ``key``."""
    if isinstance(node, dict):
        found = node.get(key, ABSENT)
        if found is ABSENT and isinstance(key, str) and _INTEGER.fullmatch(key):
            # A key written as digits also finds a number.
            found = node.get(int(key), ABSENT)
    elif isinstance(node, list):
        found = _indexed(node, key)
    else:
        return NO_CONTAINER
    return UNSET if isinstance(found, str) and found == UNSET_TEXT else found


def _indexed(node: Sequence[Node], key: bool | int | float | str) -> "Node | NotFound":
    try:
        index = int(key)
    except ValueError:
        return NO_INDEX
    return node[index] if -len(node) <= index < len(node) else ABSENT


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
