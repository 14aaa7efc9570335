"""The YAML dialect of configuration files (CFG-16): text in, a plain tree with located interpolations out."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import yaml

from kedro_asgi.errors import (
    ComposerError,
    ConfigShapeError,
    ConstructorError,
    KeyValidationError,
    ParserError,
    YamlError,
)


class Raw(msgspec.Struct, frozen=True):
    """A text that holds an interpolation, as it stands in a file; ``line`` counts from 1."""

    text: str
    file: str
    line: int


def parse(text: str, file: str) -> dict[Any, Any]:
    """Return what a configuration file says; an empty one says ``{}``, a lone word ``w`` says ``{w: None}``.

    Strings that hold ``${`` come back as `Raw`. Raises `ParserError`, `ComposerError`, `ConstructorError`,
    `KeyValidationError` and `ConfigShapeError`, each naming the file.
    """
    document = _load(text, file, _FileLoader)
    if isinstance(document, Raw):
        document = document.text
    if isinstance(document, str):
        return {document: None}
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigShapeError(f"Configuration file {file} must hold a mapping, not a {type(document).__name__}.")
    return document


def parse_value(text: str) -> Any:
    """Return the value of a text in this dialect, without aliases; raises `ValueError`.

    Fit for what strangers send: neither deep nesting nor a small text that stands for a large value does harm.
    """
    try:
        return _plain(_load(text, "", _ValueLoader))
    except (YamlError, KeyValidationError, RecursionError) as error:
        shown = text if len(text) <= 100 else f"{text[:100]}..."
        raise ValueError(f"{shown!r} is not a YAML value: {getattr(error, 'problem', error)}") from None


def _load(text: str, file: str, loader_class: Any) -> Any:
    try:
        loader = loader_class(text.removeprefix("\ufeff"))
        loader.file = file
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _translated(error, file) from None


def _translated(error: yaml.YAMLError, file: str) -> YamlError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    kind = _ERRORS.get(type(error), ParserError)
    return kind(problem, file=file, line=line, column=column)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.text if isinstance(value, Raw) else value


def _text(loader: Any, node: Any) -> Any:
    value = loader.construct_scalar(node)
    return Raw(value, loader.file, node.start_mark.line + 1) if "${" in value else value


def _integer(loader: Any, node: Any) -> int:
    try:
        value: int = yaml.SafeLoader.construct_yaml_int(loader, node)
    except ValueError as error:
        raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from None
    return value


def _list(loader: Any, node: Any) -> list[Any]:
    return [loader.construct_object(item, deep=True) for item in node.value]


def _mapping(loader: Any, node: Any) -> dict[Any, Any]:
    _refuse_duplicates(loader, node)
    loader.flatten_mapping(node)
    return {_key(loader, key, node): loader.construct_object(value, deep=True) for key, value in node.value}


def _refuse_duplicates(loader: Any, node: Any) -> None:
    """A key that ``<<`` brings in may be overridden; one that is written twice is a mistake."""
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            continue
        if (key.tag, key.value) in seen:
            raise yaml.constructor.ConstructorError(
                "while constructing a mapping", node.start_mark, f"found duplicate key {key.value}", key.start_mark
            )
        seen.add((key.tag, key.value))


def _key(loader: Any, node: Any, mapping: Any) -> Any:
    """Keys are never interpolated (CFG-41)."""
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.constructor.ConstructorError(
            "while constructing a mapping", mapping.start_mark, "found unhashable key", node.start_mark
        )
    key = loader.construct_object(node, deep=True)
    if key is None:
        raise KeyValidationError(
            f"Incompatible key type 'NoneType': null cannot be a key ({loader.file}, line {node.start_mark.line + 1})"
        )
    return key.text if isinstance(key, Raw) else key


_ERRORS: dict[type[yaml.YAMLError], type[YamlError]] = {
    yaml.composer.ComposerError: ComposerError,
    yaml.constructor.ConstructorError: ConstructorError,
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
_CONSTRUCTORS: dict[str, Callable[[Any, Any], Any]] = {
    "int": _integer,
    "map": _mapping,
    "seq": _list,
    "str": _text,
}
_REFUSED_TAGS = ("set", "omap", "pairs", "timestamp")


def _refuse_alias(loader: Any, parent: Any, index: Any) -> Any:
    if loader.check_event(yaml.AliasEvent):
        raise yaml.composer.ComposerError(None, None, "an alias cannot be used here", loader.peek_event().start_mark)
    return yaml.SafeLoader.compose_node(loader, parent, index)


def _dialect(base: Any, **methods: Any) -> Any:
    """Derive a loader at run time: which parser there is to derive from, libyaml's or Python's, differs."""
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


_FileLoader = _dialect(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
# libyaml's composer overflows the stack of the process on deep nesting; Python's raises RecursionError.
_ValueLoader = _dialect(yaml.SafeLoader, compose_node=_refuse_alias)
