"""The built-in resolvers (CFG-44), and a wrapper for a project's own. None keeps state between calls."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from kedro_asgi.config.interpolation.caller_values import resolve_traced
from kedro_asgi.config.interpolation.evaluator import Evaluator, KeyPath, Node, TracedValue, Tree, make_list
from kedro_asgi.config.interpolation.grammar import parse_element
from kedro_asgi.config.interpolation.interpolated import InterpolatedString, Layer, Resolver, follow_path
from kedro_asgi.config.interpolation.key_paths import NO_INDEX, NotFound, format_path, parse_path
from kedro_asgi.config.interpolation.tree_builder import build_caller_tree, build_node
from kedro_asgi.config.yaml_loader import parse_value
from kedro_asgi.errors import GrammarParseError, InterpolationResolutionError, UnsupportedInterpolationType

Arguments: TypeAlias = Sequence[TracedValue]
CustomResolvers: TypeAlias = Mapping[str, Callable[..., Any]]


def runtime_params(evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
    """``${runtime_params:path,default}``: a value that the caller of this run supplied."""
    path, default = _path_and_default(arguments)
    evaluator.require_runtime_values()
    if evaluator.caller_tree is None:
        layer = Layer(string.layer.find_resolver)
        layer.root = evaluator.caller_tree = build_caller_tree(evaluator.runtime, layer)
    found = _select(evaluator, evaluator.caller_tree, parse_path(path)[1], string)
    if found is not None:
        return TracedValue(found.value, is_from_caller=True)
    if default is None:
        problem = f"Runtime parameter '{path}' not found and no default value provided."
        raise string.error(InterpolationResolutionError, problem)
    # A caller that chose the name of an absent variable chose its default.
    return _chosen(default, arguments[0])


class GlobalsResolver:
    """``${globals:path,default}``: a value of the project's ``globals.yml``."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def __call__(self, evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
        path, default = _path_and_default(arguments)
        if path.startswith("_"):
            raise string.error(InterpolationResolutionError, "Keys starting with '_' are not supported for globals.")
        found = _select(evaluator, self._tree, parse_path(path)[1], string) or default
        if found is None:
            problem = f"Globals key '{path}' not found and no default value provided."
            raise string.error(InterpolationResolutionError, problem)
        return _chosen(found, arguments[0])


class CustomResolver:
    """A project's own function: called with plain values, for each run anew, since it may look at the clock."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
        evaluator.require_run()
        traced = [resolve_traced(evaluator, argument) for argument in arguments]
        return TracedValue(self._function(*[value for value, _ in traced]), any(is_from for _, is_from in traced))


def env(evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
    """``${oc.env:NAME,default}``: an environment variable, read when a run needs it."""
    name, *defaults = arguments
    evaluator.require_run()
    value = os.environ.get(str(name.value))
    if value is not None:
        return TracedValue(value, name.is_from_caller)
    if not defaults:
        variable = f"\"Environment variable '{name.value}' not found\""
        raise string.error(InterpolationResolutionError, f"KeyError raised while resolving interpolation: {variable}")
    default = defaults[0]
    return _chosen(default if default.value is None else TracedValue(str(default.value), default.is_from_caller), name)


def decode(evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
    """``${oc.decode:text}``: the value that the text has as an argument, interpolations in it included."""
    (argument,) = arguments
    text = argument.value
    if text is None:
        return argument
    if not isinstance(text, str):
        raise TypeError(f"`oc.decode` can only take strings or None as input, but `{text}` is a {type(text)}")
    if argument.is_from_caller and evaluator.runtime.literal and "${" in text:
        raise ValueError("values that a caller supplied are not interpolated")
    try:
        expression = parse_element(text)
    except GrammarParseError as error:
        raise ValueError(error.problem) from None
    return _chosen(expression.evaluate(evaluator, string), argument)


def create(evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
    """``${oc.create:value}``: a mapping or a list, also one written as YAML in a text."""
    (argument,) = arguments
    value = argument.value
    if isinstance(value, str):
        parsed = parse_value(value)
        value = {parsed: None} if isinstance(parsed, str) else parsed
    if value is not None and not isinstance(value, (dict, list)):
        raise TypeError(f"`oc.create` cannot make a configuration of a {type(value).__name__}")
    if not (argument.is_from_caller and evaluator.runtime.literal):
        value = build_node(value, string.layer, string.path, string.location)
    return TracedValue(value, argument.is_from_caller)


def select(evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
    """``${oc.select:path,default}``: a reference that may lead nowhere."""
    path, default = _path_and_default(arguments)
    found = _follow(evaluator, string, path)
    return _chosen(found or default or TracedValue(None, is_from_caller=False), arguments[0])


def keys(evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
    """``${oc.dict.keys:path}``: the keys of a mapping, as a list."""
    mapping, is_from_caller = _mapping(evaluator, string, arguments, "oc.dict.keys")
    return TracedValue(list(mapping), is_from_caller)


def values(evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
    """``${oc.dict.values:path}``: the values of a mapping, as a list."""
    mapping, is_from_caller = _mapping(evaluator, string, arguments, "oc.dict.values")
    return TracedValue(make_list(list(mapping.values())), is_from_caller)


def deprecated(evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
    """``${oc.deprecated:path,message}``: the value of another key, and a warning."""
    path, message = _path_and_default(arguments)
    found = _follow(evaluator, string, path)
    if found is None:
        raise KeyError(f"oc.deprecated: there is no key '{path}'")
    text = str(message.value) if message else "'$OLD_KEY' is deprecated. Use '$NEW_KEY' instead."
    old, new = format_path(string.path), path
    warnings.warn(text.replace("$OLD_KEY", old).replace("$NEW_KEY", new), UserWarning, stacklevel=2)
    return _chosen(found, arguments[0])


BUILT_IN: Mapping[str, Resolver] = {
    "runtime_params": runtime_params,
    "oc.create": create,
    "oc.decode": decode,
    "oc.deprecated": deprecated,
    "oc.dict.keys": keys,
    "oc.dict.values": values,
    "oc.select": select,
}


def refused(problem: str, kind: type[InterpolationResolutionError] = UnsupportedInterpolationType) -> Resolver:
    """Return a resolver that raises why it cannot be used."""

    def refuse(evaluator: Evaluator, string: InterpolatedString, arguments: Arguments) -> TracedValue:
        raise string.error(kind, problem)

    return refuse


def _path_and_default(arguments: Arguments) -> tuple[str, TracedValue | None]:
    """The arguments of a look-up that may have a default."""
    if not 1 <= len(arguments) <= 2:
        raise TypeError(f"a path and perhaps a default are wanted, not {len(arguments)} arguments")
    path = arguments[0].value
    if not isinstance(path, str):
        raise TypeError(f"a path must be text, not {type(path).__name__} {path!r}")
    return path, arguments[1] if len(arguments) == 2 else None


def _chosen(result: TracedValue, choice: TracedValue) -> TracedValue:
    """A caller that contributed to ``choice``, which led to ``result``, contributed to the result."""
    return TracedValue(result.value, is_from_caller=True) if choice.is_from_caller else result


def _select(evaluator: Evaluator, tree: Tree, path: KeyPath, string: InterpolatedString) -> TracedValue | None:
    """The value at ``path``, if there is one; a list has no names, so asking for one is an error."""
    value, is_from_caller = follow_path(evaluator, tree, path)
    if value is NO_INDEX:
        raise string.error(InterpolationResolutionError, f"{format_path(path)}: an index into a list is not an int")
    return None if isinstance(value, NotFound) else TracedValue(value, is_from_caller)


def _follow(evaluator: Evaluator, string: InterpolatedString, text: str) -> TracedValue | None:
    """The value to which a reference ``text`` in ``string`` leads, if there is one."""
    path = string.absolute(*parse_path(text))
    if path is None:
        raise string.error(InterpolationResolutionError, f"'{text}' leads out of the configuration")
    return _select(evaluator, string.layer.tree(evaluator), path, string)


def _mapping(
    evaluator: Evaluator, string: InterpolatedString, arguments: Arguments, name: str
) -> tuple[Mapping[Any, Node], bool]:
    """The one argument is a path, or a mapping itself."""
    (argument,) = arguments
    found: TracedValue | None = argument
    if isinstance(argument.value, str):
        found = _follow(evaluator, string, argument.value)
    if found is None:
        raise KeyError(f"{name}: there is no key '{argument.value}'")
    if not isinstance(found.value, dict):
        raise TypeError(f"`{name}` cannot be applied to objects of type: {type(found.value).__name__}")
    return found.value, found.is_from_caller or argument.is_from_caller


def resolvers_for(key: str, custom: CustomResolvers, globals_: Tree) -> Mapping[str, Resolver]:
    """Return the resolvers that the files of ``key`` may call; a project's own never replace built-in ones."""
    table: dict[str, Resolver] = {name: CustomResolver(function) for name, function in custom.items()}
    table.update(BUILT_IN)
    if key == "globals":
        table["globals"] = refused(
            "Globals cannot be looked up with `globals:` within globals: refer to them as `${name}`.",
            InterpolationResolutionError,
        )
        table["runtime_params"] = refused("The `runtime_params:` resolver is not supported for globals.")
        return table
    table["globals"] = GlobalsResolver(globals_)
    if key == "credentials":
        table.setdefault("oc.env", env)
    return table
