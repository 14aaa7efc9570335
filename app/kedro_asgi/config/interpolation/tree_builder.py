"""Building trees that hold interpolated strings, from parsed files and from the values of a caller."""

import re
from collections.abc import Mapping
from typing import Any

from kedro_asgi.config.interpolation.evaluator import KeyPath, Node, Tree, make_dict, make_list, make_tuple
from kedro_asgi.config.interpolation.expressions import Literal
from kedro_asgi.config.interpolation.grammar import parse_text
from kedro_asgi.config.interpolation.interpolated import FindResolver, InterpolatedString, Layer, SourceLocation
from kedro_asgi.config.interpolation.key_paths import format_path
from kedro_asgi.config.yaml_loader import ParsedMapping, ParsedValue, RawString
from kedro_asgi.configuration_tree import ConfigMapping, ConfigValue
from kedro_asgi.errors import GrammarParseError
from kedro_asgi.runs import RuntimeParams

_NOWHERE = SourceLocation()
_ESCAPED_UNSET = re.compile(r"\\+\?\?\?")


def build_layer(values: "ParsedMapping | Tree", find_resolver: FindResolver) -> Layer:
    """Return a layer whose root is the tree of ``values``; raises `GrammarParseError`."""
    layer = Layer(find_resolver)
    layer.root = _build_dict(values, layer, (), _NOWHERE)
    return layer


def build_caller_tree(runtime: RuntimeParams, layer: Layer) -> Tree:
    """Return the caller's values: literally, or with references that are looked up in ``layer`` (CFG-35)."""
    values = to_plain_mapping(runtime.values)
    return values if runtime.literal else _build_dict(values, layer, (), _NOWHERE)


def build_node(
    node: "ParsedValue | Node", layer: Layer, path: KeyPath = (), location: SourceLocation = _NOWHERE
) -> Node:
    """Return ``node`` with a deferred value for each string that holds ``${``; raises `GrammarParseError`."""
    if isinstance(node, dict):
        return _build_dict(node, layer, path, location)
    if isinstance(node, list):
        return make_list([build_node(item, layer, (*path, index), location) for index, item in enumerate(node)])
    if isinstance(node, tuple):
        return make_tuple([build_node(item, layer, (*path, index), location) for index, item in enumerate(node)])
    if isinstance(node, RawString):
        return _interpolated(node.text, layer, path, SourceLocation(node.file, node.line))
    return _text(node, layer, path, location) if isinstance(node, str) else node


def to_plain_mapping(values: Mapping[str, Any]) -> ConfigMapping:
    """Return a copy made of ``dict`` and ``list``; objects of other types stay as they are."""
    return {key: _plain(item) for key, item in values.items()}


def _plain(value: Any) -> ConfigValue:
    if isinstance(value, Mapping):
        return to_plain_mapping(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    plain: ConfigValue = value
    return plain


def _build_dict(node: "ParsedMapping | Tree", layer: Layer, path: KeyPath, location: SourceLocation) -> Tree:
    return make_dict({key: build_node(item, layer, (*path, key), location) for key, item in node.items()})


def _text(text: str, layer: Layer, path: KeyPath, location: SourceLocation) -> Node:
    """A backslash before ``???`` makes it an ordinary text, which references find."""
    if "${" in text:
        return _interpolated(text, layer, path, location)
    if text.endswith("???") and _ESCAPED_UNSET.fullmatch(text):
        return InterpolatedString(Literal(text[1:]), layer=layer, path=path, text=text, location=location)
    return text


def _interpolated(text: str, layer: Layer, path: KeyPath, location: SourceLocation) -> Node:
    try:
        expression = parse_text(text)
    except GrammarParseError as error:
        raise GrammarParseError(
            error.problem, full_key=format_path(path), file=location.file, line=location.line
        ) from None
    return InterpolatedString(expression, layer=layer, path=path, text=text, location=location)
