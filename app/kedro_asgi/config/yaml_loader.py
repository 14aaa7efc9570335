"""The YAML of configuration files (CFG-16): parses a text into a plain tree with located interpolations."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
import yaml

from kedro_asgi.configuration_tree import ConfigValue
from kedro_asgi.errors import (
    ComposerError,
    ConfigShapeError,
    ConstructorError,
    KeyValidationError,
    ParserError,
    ReaderError,
    YamlError,
)
from kedro_asgi.errors.wording import shortened

ParsedValue: TypeAlias = (
    "bool | int | float | str | RawString | list[ParsedValue] | tuple[ParsedValue, ...] | dict[Any, ParsedValue] | None"
)
ParsedMapping: TypeAlias = dict[Any, ParsedValue]


class RawString(msgspec.Struct, frozen=True):
    """A text that holds an interpolation, as it stands in a file; ``line`` counts from 1."""

    text: str
    file: str
    line: int


def parse(text: str, file: str) -> ParsedMapping:
    """Return the content of a configuration file: ``{}`` for an empty one, ``{w: None}`` for a lone word ``w``.

    Strings that hold ``${`` become `RawString`. Raises `ParserError`, `ComposerError`, `ConstructorError`,
    `KeyValidationError` and `ConfigShapeError`, each of which names the file.
    """
    document = _load(text, file, _FileLoader)
    if isinstance(document, RawString):
        document = document.text
    if isinstance(document, str):
        return {document: None}
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigShapeError(f"Configuration file {file} must hold a mapping, not a {type(document).__name__}.")
    return document


def parse_value(text: str) -> ConfigValue:
    """Return the value of a text, without aliases; raises `ValueError`.

    Safe for texts of strangers: neither deep nesting nor a small text that stands for a large value does harm.
    """
    try:
        return _plain(_load(text, "", _ValueLoader))
    except (YamlError, KeyValidationError, RecursionError) as error:
        raise ValueError(f"{shortened(text, 100)!r} is not a YAML value: {getattr(error, 'problem', error)}") from None


def _load(text: str, file: str, loader_class: Any) -> ParsedValue:
    try:
        loader = loader_class(text.removeprefix("\ufeff"))
        loader.file = file
        try:
            document: ParsedValue = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _translate(error, file) from None
    return document


def _translate(error: yaml.YAMLError, file: str) -> YamlError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    kind = _ERRORS.get(type(error), ParserError)
    return kind(problem, file=file, line=line, column=column)


def _plain(value: ParsedValue) -> ConfigValue:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.text if isinstance(value, RawString) else value


def _construct_text(loader: "_Loader", node: yaml.ScalarNode) -> str | RawString:
    value = str(loader.construct_scalar(node))
    return RawString(value, loader.file, node.start_mark.line + 1) if "${" in value else value


def _construct_integer(loader: "_Loader", node: yaml.ScalarNode) -> int:
    try:
        return yaml.SafeLoader.construct_yaml_int(loader, node)
    except ValueError as error:
        raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from None


def _construct_list(loader: "_Loader", node: yaml.SequenceNode) -> list[ParsedValue]:
    return [loader.construct_object(item, deep=True) for item in node.value]


def _construct_pairs(loader: "_Loader", node: yaml.Node) -> list[ParsedValue]:
    """Return the pairs of ``!!omap`` and ``!!pairs``, each a tuple, as PyYAML does."""
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for item in items:
        if not isinstance(item, yaml.MappingNode) or len(item.value) != 1 or item is node:
            raise yaml.constructor.ConstructorError(
                "while constructing pairs", node.start_mark, "found no list of single pairs", item.start_mark
            )
    pairs = [(item, *item.value[0]) for item in items]
    return [(_key(loader, key, item), loader.construct_object(value, deep=True)) for item, key, value in pairs]


def _construct_mapping(loader: "_Loader", node: yaml.MappingNode) -> dict[object, ParsedValue]:
    _refuse_duplicates(node)
    loader.flatten_mapping(node)
    return {_key(loader, key, node): loader.construct_object(value, deep=True) for key, value in node.value}


def _refuse_duplicates(node: yaml.MappingNode) -> None:
    """A key that ``<<`` brings in may be overridden; a key that is written twice is a mistake."""
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            continue
        if (key.tag, key.value) in seen:
            raise yaml.constructor.ConstructorError(
                "while constructing a mapping", node.start_mark, f"found duplicate key {key.value}", key.start_mark
            )
        seen.add((key.tag, key.value))


def _key(loader: "_Loader", node: yaml.Node, mapping: yaml.MappingNode) -> Any:
    """Return the value of a key, which is never interpolated."""
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.constructor.ConstructorError(
            "while constructing a mapping", mapping.start_mark, "found unhashable key", node.start_mark
        )
    key = loader.construct_object(node, deep=True)
    if key is None:
        raise KeyValidationError(
            f"Incompatible key type 'NoneType': null cannot be a key ({loader.file}, line {node.start_mark.line + 1})"
        )
    return key.text if isinstance(key, RawString) else key


class _Loader(yaml.SafeLoader):
    """The type that the functions above see; libyaml's loader has the same methods."""

    file: str


_ERRORS: dict[type[yaml.YAMLError], type[YamlError]] = {
    yaml.composer.ComposerError: ComposerError,
    yaml.constructor.ConstructorError: ConstructorError,
    yaml.reader.ReaderError: ReaderError,
}
_FLOAT = re.compile(
    r"""(?: [-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
          | [-+]?[0-9](?:_?[0-9])*[eE][-+]?[0-9]+
          | \.[0-9][0-9_]*(?:[eE][-+][0-9]+)?
          | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
          | [-+]?\.(?:inf|Inf|INF)
          | \.(?:nan|NaN|NAN) )\Z""",
    re.VERBOSE,
)
_STANDARD = "tag:yaml.org,2002:"
_REPLACED_RESOLVERS = {f"{_STANDARD}timestamp", f"{_STANDARD}float"}
_CONSTRUCTORS: dict[str, Callable[..., object]] = {
    "int": _construct_integer,
    "map": _construct_mapping,
    "omap": _construct_pairs,
    "pairs": _construct_pairs,
    "seq": _construct_list,
    "str": _construct_text,
}
_REFUSED_TAGS = ("set", "timestamp")


def _refuse_alias(loader: Any, parent: yaml.Node | None, index: int) -> yaml.Node | None:
    if loader.check_event(yaml.AliasEvent):
        raise yaml.composer.ComposerError(None, None, "an alias cannot be used here", loader.peek_event().start_mark)
    return yaml.SafeLoader.compose_node(loader, parent, index)


def _loader_class(base: Any, **methods: Callable[..., object]) -> Any:
    """Derive a loader at run time, since its base differs: libyaml's where there is one, else Python's."""
    resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag not in _REPLACED_RESOLVERS]
        for first, known in base.yaml_implicit_resolvers.items()
    }
    loader: Any = type("ConfigurationLoader", (base,), {"yaml_implicit_resolvers": resolvers, **methods})
    loader.add_implicit_resolver(f"{_STANDARD}float", _FLOAT, list("-+.0123456789"))
    for tag, construct in _CONSTRUCTORS.items():
        loader.add_constructor(_STANDARD + tag, construct)
    for tag in _REFUSED_TAGS:
        loader.add_constructor(_STANDARD + tag, base.construct_undefined)
    return loader


_FileLoader = _loader_class(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
# libyaml's composer overflows the stack of the process on deep nesting; Python's raises RecursionError.
_ValueLoader = _loader_class(yaml.SafeLoader, compose_node=_refuse_alias)
