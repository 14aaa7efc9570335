"""From parsed files, and from what a caller supplies, to trees with places in them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from kedro_asgi.config.interpolation.evaluator import Path
from kedro_asgi.config.interpolation.expressions import Literal
from kedro_asgi.config.interpolation.grammar import parse_text
from kedro_asgi.config.interpolation.interpolated_string import Interpolated, Layer, Origin, Resolver
from kedro_asgi.config.interpolation.key_paths import write_path
from kedro_asgi.config.interpolation.merging import mapping, sequence
from kedro_asgi.config.yaml_loader import Raw
from kedro_asgi.errors import GrammarParseError
from kedro_asgi.runs import RuntimeParams

_NOWHERE = Origin()
_ESCAPED_MISSING = re.compile(r"\\+\?\?\?")


def plant(node: Any, layer: Layer, path: Path = (), origin: Origin = _NOWHERE) -> Any:
    """Return ``node`` with a place wherever a string holds ``${``; raises `GrammarParseError`."""
    if isinstance(node, dict):
        return mapping({key: plant(item, layer, (*path, key), origin) for key, item in node.items()})
    if isinstance(node, list):
        return sequence([plant(item, layer, (*path, index), origin) for index, item in enumerate(node)])
    if isinstance(node, Raw):
        return _place(node.text, layer, path, Origin(node.file, node.line))
    if isinstance(node, str):
        return _text(node, layer, path, origin)
    return node


def plant_runtime(
    values: Mapping[str, Any], runtime: RuntimeParams, find_resolver: Callable[[str], Resolver | None]
) -> Any:
    """Return the caller's values as a tree of their own: literally, or interpolated within that tree (CFG-35)."""
    tree = plain(values)
    if not runtime.literal:
        layer = Layer(find_resolver)
        tree = layer.root = plant(tree, layer)
    return tree


def plain(value: Any) -> Any:
    """Return a copy made of ``dict`` and ``list``; what is neither is taken as it is (Q-15)."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _text(text: str, layer: Layer, path: Path, origin: Origin) -> Any:
    """A backslash in front of ``???`` makes it a text like any other, and a value that references find."""
    if "${" in text:
        return _place(text, layer, path, origin)
    if text.endswith("???") and _ESCAPED_MISSING.fullmatch(text):
        return Interpolated(Literal(text[1:]), layer=layer, path=path, text=text, origin=origin)
    return text


def _place(text: str, layer: Layer, path: Path, origin: Origin) -> Any:
    try:
        expression = parse_text(text)
    except GrammarParseError as error:
        raise GrammarParseError(error.problem, full_key=write_path(path), file=origin.file, line=origin.line) from None
    return Interpolated(expression, layer=layer, path=path, text=text, origin=origin)
