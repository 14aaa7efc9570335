"""The resolvers that are always there (CFG-44..51), and the wrapping of a project's own (CFG-54).

Each is a callable of a scope, a place and evaluated arguments. None keeps anything between two calls.
"""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from kedro_asgi.config.interpolation.caller_values import trace
from kedro_asgi.config.interpolation.evaluator import Outcome, Path, Scope, is_any_tainted
from kedro_asgi.config.interpolation.grammar import parse_element
from kedro_asgi.config.interpolation.interpolated_string import Interpolated, Resolver, follow
from kedro_asgi.config.interpolation.key_paths import ABSENT, NO_INDEX, is_found, parse_path, write_path
from kedro_asgi.config.interpolation.merging import sequence
from kedro_asgi.config.interpolation.tree_builder import plant, plant_runtime
from kedro_asgi.config.yaml_loader import parse_value
from kedro_asgi.errors import GrammarParseError, InterpolationResolutionError, UnsupportedInterpolationType

Arguments = Sequence[Outcome]


class RuntimeParamsResolver:
    """``${runtime_params:path,default}``: a value that the caller of this run supplied (CFG-50)."""

    def __call__(self, scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
        path, default = _path_and_default(arguments)
        values = scope.runtime_values()
        if scope.supplied is None:
            scope.supplied = plant_runtime(values, scope.runtime, place.layer.find_resolver)
        value, _ = _select(scope, scope.supplied, parse_path(path)[1], place)
        if value is not ABSENT:
            return value, True
        if default is None:
            problem = f"Runtime parameter '{path}' not found and no default value provided."
            raise place.error(InterpolationResolutionError, problem)
        # Whoever chose the name of an absent variable chose its default.
        return default[0], default[1] or arguments[0][1]


class GlobalsResolver:
    """``${globals:path,default}``: a value of the project's ``globals.yml`` (CFG-45..47)."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree

    def __call__(self, scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
        path, default = _path_and_default(arguments)
        if path.startswith("_"):
            raise place.error(InterpolationResolutionError, "Keys starting with '_' are not supported for globals.")
        value, _ = _select(scope, self._tree, parse_path(path)[1], place)
        chosen = arguments[0][1]
        if value is not ABSENT:
            return value, chosen
        if default is None:
            problem = f"Globals key '{path}' not found and no default value provided."
            raise place.error(InterpolationResolutionError, problem)
        return default[0], default[1] or chosen


class CustomResolver:
    """A project's own function: called with plain values, for each run anew, since it may look at the clock."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
        scope.volatile()
        traced = [trace(scope, value, is_tainted) for value, is_tainted in arguments]
        return self._function(*[value for value, _ in traced]), is_any_tainted(traced)


def env(scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
    """``${oc.env:NAME,default}``: an environment variable, read when a run needs it (CFG-51)."""
    name, *default = arguments
    scope.volatile()
    value = os.environ.get(str(name[0]))
    if value is not None:
        return value, name[1]
    if not default:
        problem = f"KeyError raised while resolving interpolation: \"Environment variable '{name[0]}' not found\""
        raise place.error(InterpolationResolutionError, problem)
    (found, tainted), *_ = default
    return found if found is None else str(found), tainted or name[1]


def decode(scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
    """``${oc.decode:text}``: what the text stands for as an argument, interpolations in it included."""
    ((text, tainted),) = arguments
    if text is None:
        return None, tainted
    if not isinstance(text, str):
        raise TypeError(f"`oc.decode` can only take strings or None as input, but `{text}` is a {type(text)}")
    if tainted and scope.runtime.literal and "${" in text:
        raise ValueError("values that a caller supplied are not interpolated")
    try:
        expression = parse_element(text)
    except GrammarParseError as error:
        raise ValueError(error.problem) from None
    value, inner = expression.evaluate(scope, place)
    return value, tainted or inner


def create(scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
    """``${oc.create:value}``: a mapping or a list, also one written as YAML in a text."""
    ((value, tainted),) = arguments
    if isinstance(value, str):
        value = parse_value(value)
        value = {value: None} if isinstance(value, str) else value
    if value is not None and not isinstance(value, (dict, list)):
        raise TypeError(f"`oc.create` cannot make a configuration of a {type(value).__name__}")
    if tainted and scope.runtime.literal:
        return value, tainted
    return plant(value, place.layer, place.path, place.origin), tainted


def select(scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
    """``${oc.select:path,default}``: a reference that may lead nowhere."""
    path, default = _path_and_default(arguments)
    chosen = arguments[0][1]
    value, tainted = _select(scope, place.layer.tree(scope), _absolute(place, path), place)
    if value is not ABSENT:
        return value, tainted or chosen
    found, tainted = default if default else (None, False)
    return found, tainted or chosen


def keys(scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
    """``${oc.dict.keys:path}``: the keys of a mapping, as a list."""
    mapping, tainted = _mapping(scope, place, arguments, "oc.dict.keys")
    return list(mapping), tainted


def values(scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
    """``${oc.dict.values:path}``: the values of a mapping, as a list."""
    mapping, tainted = _mapping(scope, place, arguments, "oc.dict.values")
    return sequence(list(mapping.values())), tainted


def deprecated(scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
    """``${oc.deprecated:path,message}``: the value of another key, and a warning."""
    path, message = _path_and_default(arguments)
    value, tainted = _select(scope, place.layer.tree(scope), _absolute(place, path), place)
    if value is ABSENT:
        raise KeyError(f"oc.deprecated: there is no key '{path}'")
    text = str(message[0]) if message else "'$OLD_KEY' is deprecated. Use '$NEW_KEY' instead."
    old, new = write_path(place.path), path
    warnings.warn(text.replace("$OLD_KEY", old).replace("$NEW_KEY", new), UserWarning, stacklevel=2)
    return value, tainted or arguments[0][1]


BUILTIN: Mapping[str, Resolver] = {
    "oc.create": create,
    "oc.decode": decode,
    "oc.deprecated": deprecated,
    "oc.dict.keys": keys,
    "oc.dict.values": values,
    "oc.select": select,
}


def refused(problem: str, kind: type[InterpolationResolutionError] = UnsupportedInterpolationType) -> Resolver:
    """Return a resolver that says why it is not to be had."""

    def refuse(scope: Scope, place: Interpolated, arguments: Arguments) -> Outcome:
        raise place.error(kind, problem)

    return refuse


def _path_and_default(arguments: Arguments) -> tuple[str, Outcome | None]:
    """The arguments of a look-up that may have a default."""
    if not 1 <= len(arguments) <= 2:
        raise TypeError(f"a path and perhaps a default are wanted, not {len(arguments)} arguments")
    path = arguments[0][0]
    return path if isinstance(path, str) else _refuse_path(path), arguments[1] if len(arguments) == 2 else None


def _select(scope: Scope, tree: Any, path: Path, place: Interpolated) -> Outcome:
    """What is at ``path``, or `ABSENT`; a list cannot be asked for a name, there or not."""
    value, is_tainted = follow(scope, tree, path)
    if value is NO_INDEX:
        raise place.error(InterpolationResolutionError, f"{write_path(path)}: an index into a list is not an int")
    return (value if is_found(value) else ABSENT), is_tainted


def _absolute(place: Interpolated, text: str) -> Path:
    ups, keys = parse_path(text)
    if ups > len(place.path):
        raise place.error(InterpolationResolutionError, f"'{text}' leads out of the configuration")
    return place.path[: len(place.path) - ups] + keys if ups else keys


def _refuse_path(path: Any) -> NoReturn:
    raise TypeError(f"a path must be text, not {type(path).__name__} {path!r}")


def _mapping(scope: Scope, place: Interpolated, arguments: Arguments, name: str) -> Outcome:
    """The one argument is a path, or a mapping itself."""
    ((given, is_tainted),) = arguments
    if isinstance(given, str):
        value, tainted = _select(scope, place.layer.tree(scope), _absolute(place, given), place)
        given, is_tainted = value, is_tainted or tainted
    if given is ABSENT:
        raise KeyError(f"{name}: there is no key '{arguments[0][0]}'")
    if not isinstance(given, dict):
        raise TypeError(f"`{name}` cannot be applied to objects of type: {type(given).__name__}")
    return given, is_tainted


def resolvers_for(key: str, custom: Mapping[str, Callable[..., Any]], globals_: Any) -> Mapping[str, Resolver]:
    """Return the resolvers that the files of ``key`` may call; a project's own never replace built-in ones."""
    table: dict[str, Resolver] = {name: CustomResolver(function) for name, function in custom.items()}
    table.update(BUILTIN)
    if key == "globals":
        table["globals"] = refused(
            "Globals cannot be looked up with `globals:` within globals: refer to them as `${name}`.",
            InterpolationResolutionError,
        )
        table["runtime_params"] = refused("The `runtime_params:` resolver is not supported for globals.")
        return table
    table["globals"] = GlobalsResolver(globals_)
    table["runtime_params"] = RuntimeParamsResolver()
    if key == "credentials":
        table.setdefault("oc.env", env)
    return table
